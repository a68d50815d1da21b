"""One question of each kind, as an editor sends it."""

from typing import Any

from sqlalchemy import text

from tests.support.serving import Service

OPTIONS: list[dict[str, Any]] = [
    {"text": "Mercury", "key": True, "feedback": "It is."},
    {"text": "Venus", "key": False, "feedback": None},
    {"text": "Earth", "key": False},
]
BODIES: dict[str, dict[str, Any]] = {
    "single_choice": {"stem": "Which planet is nearest to the sun?", "options": OPTIONS},
    "multiple_choice": {
        "stem": "Which of these are planets?",
        "options": [*OPTIONS[1:], {"text": "Mars", "key": True}, {"text": "Io", "key": True}],
    },
    "true_false": {"stem": "Ice floats on water.", "answer": {"value": True}},
    "short_text": {"stem": "The symbol of gold?", "answer": {"accept": ["Au"], "match": "exact"}},
    "numeric": {"stem": "Half of 3?", "unit": "m", "answer": {"value": 1.5, "tolerance": "0.10"}},
    "open": {
        "stem": "How would you cool a server room?",
        "answer": {
            "model": "By moving heat out.",
            "key_points": ["airflow"],
            "rubric": [{"criterion": "names the heat", "points": 2.5}],
        },
    },
    "code": {
        "stem": "Write a doubling function.",
        "programming_language": "python",
        "starter": "def double(x): ...",
        "answer": {
            "solution": "def double(x): return 2 * x",
            "tests": [{"call": "double(2)", "expected": "4"}],
        },
    },
}
for _kind, _body in BODIES.items():
    _body |= {"kind": _kind, "difficulty": "easy"}


def make_terms(service: Service, **slugs: list[str]) -> None:
    """Create terms by vocabulary; each is named like its slug."""
    for vocabulary, names in slugs.items():
        for name in names:
            body = {"slug": name, "name": name.title()}
            service.expect(service.admin.post(f"/v1/editing/{vocabulary}", json=body), 201)


def published_rows(service: Service) -> list[tuple[str, int, int | None]]:
    """Return (id, seq, revision) of all rows of `published`, ordered by seq."""
    with service.database.read() as session:
        rows = session.connection().execute(
            text("SELECT id, seq, revision FROM published ORDER BY seq")
        )
        return [(str(row.id).replace("-", ""), row.seq, row.revision) for row in rows]
