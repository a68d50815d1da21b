"""The CSV template: every column, and an example row for each kind that CSV can hold."""

from functools import cache

from app.transfer.formats import FORMATS
from app.transfer.formats.rows import Values

_COMMON: Values = {
    "difficulty": "easy",
    "levels": ["fresher"],
    "language": "en",
    "points": 1,
}
_EXAMPLES: tuple[Values, ...] = (
    {
        "external_id": "example-1",
        "kind": "single_choice",
        "stem": "Which planet is nearest to the sun?",
        "options": [
            {"text": "Mercury", "key": True, "feedback": "Its year lasts 88 days."},
            {"text": "Venus", "key": False, "feedback": "It comes second."},
            {"text": "Mars", "key": False, "feedback": None},
        ],
        "explanation": "Nearer orbits are quicker, and no planet is quicker than Mercury.",
        "source": {"title": "An almanac", "url": "https://example.org/almanac"},
    },
    {
        "external_id": "example-2",
        "kind": "multiple_choice",
        "stem": "Which of these numbers are prime?",
        "options": [
            {"text": "2", "key": True, "feedback": None},
            {"text": "7", "key": True, "feedback": None},
            {"text": "9", "key": False, "feedback": "9 is 3 times 3."},
        ],
        "hints": ["Try to divide each one by 2 and by 3."],
    },
    {
        "external_id": "example-3",
        "kind": "true_false",
        "stem": "Sound travels faster in water than in air.",
        "answer": {"value": True},
    },
    {
        "external_id": "example-4",
        "kind": "short_text",
        "stem": "What is the chemical symbol of gold?",
        "answer": {"accept": ["Au"], "match": "exact"},
    },
    {
        "external_id": "example-5",
        "kind": "numeric",
        "stem": "How fast does light travel in a vacuum, to within one per cent?",
        "unit": "km/s",
        "answer": {"value": "299792", "tolerance": "0.01", "tolerance_kind": "relative"},
    },
)


@cache
def template() -> bytes:
    """Return the template in UTF-8; it can be imported unchanged."""
    file_format = FORMATS["csv"]
    return file_format.header() + file_format.write(_COMMON | example for example in _EXAMPLES)
