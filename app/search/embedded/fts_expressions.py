"""Pure: FTS5 expressions; every word stands in them as a quoted string, and nothing else does."""

from collections.abc import Sequence

from app.search.embedded.interpretation import Reading, Way
from app.search.text.spelling import FIELDS, Scope, Spelling

# Words of a stem are near each other when at most so many others stand between them.
NEAR = 6


def spelt(spelling: Spelling) -> str:
    """Return what finds a spelling."""
    words, prefix, scope = spelling
    return f"{_columns(scope)}({_row(words, prefix=prefix)})"


def phrase(reading: Reading) -> Spelling:
    """Return the words as typed, in a row in the stem."""
    words = [word for way in _typed(reading) for word in way.words]
    return Spelling(tuple(words), _typed(reading)[-1].prefix, Scope.STEM)


def near(reading: Reading) -> str:
    """Return what finds the words as typed, near each other in the stem."""
    parts = [
        _row((word,), prefix=way.prefix and place == len(way.words) - 1)
        for way in _typed(reading)
        for place, word in enumerate(way.words)
    ]
    return f"{_columns(Scope.STEM)}NEAR({' '.join(parts)}, {NEAR})"


def _columns(scope: Scope) -> str:
    # FTS5 looks into every field where none is named, and that costs it less.
    return "" if scope is Scope.EVERY else f"{{{' '.join(FIELDS[:scope])}}} : "


def _typed(reading: Reading) -> list[Way]:
    return [group.typed for group in reading.groups]


def _row(words: Sequence[str], *, prefix: bool) -> str:
    return f"{_quoted(' '.join(words))}{' *' if prefix else ''}"


def _quoted(words: str) -> str:
    # Words hold no quotes by their making; doubled, one could do nothing either.
    return '"' + words.replace('"', '""') + '"'
