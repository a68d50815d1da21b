"""Pure: FTS5 expressions; every word stands in them as a quoted string, and nothing else does."""

from collections.abc import Sequence
from itertools import combinations

from app.search.readings import Group, Reading, Way

STEM = "{stem} : "
PUBLIC_FIELDS = "{stem options terms hints} : "
# FTS5 looks into every field where none is named, and that costs it less.
EVERY_FIELD = ""
# Words of a stem are near each other when at most so many others stand between them.
NEAR = 6
# From so many groups on, only the commonest are dropped instead of any.
MOST_COMBINED = 4


def fields(*, answers: bool) -> str:
    """Return the fields that are searched."""
    return EVERY_FIELD if answers else PUBLIC_FIELDS


def all_words(reading: Reading, where: str) -> str:
    """Return what finds every group, anywhere in the fields `where`."""
    return f"{where}({_conjunction(reading.groups)})"


def phrase(reading: Reading) -> str:
    """Return what finds the words as typed, in a row in the stem."""
    typed = _typed(reading)
    joined = Way(tuple(word for way in typed for word in way.words), prefix=typed[-1].prefix)
    return f"{STEM}({_way(joined)})"


def near(reading: Reading) -> str:
    """Return what finds the words as typed, near each other in the stem."""
    typed = _typed(reading)
    parts = [
        _way(Way((word,), prefix=way.prefix and place == len(way.words) - 1))
        for way in typed
        for place, word in enumerate(way.words)
    ]
    return f"{STEM}NEAR({' '.join(parts)}, {NEAR})"


def some_words(reading: Reading, count: int, where: str) -> str:
    """Return what finds `count` of the groups: any of them where they are few, else the rarest."""
    if count == 1:
        parts = [_conjunction((group,)) for group in reading.groups]
        return f"{where}({' OR '.join(parts)})"
    if len(reading.groups) > MOST_COMBINED:
        rarest = sorted(reading.groups, key=lambda group: -group.worth)[:count]
        return f"{where}({_conjunction(rarest)})"
    # The last group may be open at its end, which costs most: it stands in the expression once.
    *others, last = reading.groups
    parts = [f"({_conjunction(groups)})" for groups in combinations(others, count)]
    pairs = (f"({_conjunction(groups)})" for groups in combinations(others, count - 1))
    parts.append(f"({_conjunction((last,))} AND ({' OR '.join(pairs)}))")
    return f"{where}({' OR '.join(parts)})"


def _typed(reading: Reading) -> list[Way]:
    return [group.typed for group in reading.groups]


def _conjunction(groups: Sequence[Group]) -> str:
    return " AND ".join(f"({' OR '.join(map(_way, group.ways))})" for group in groups)


def _way(way: Way) -> str:
    if way.apart:
        singles = [Way((word,)) for word in way.words[:-1]]
        singles.append(Way(way.words[-1:], prefix=way.prefix))
        return f"({' AND '.join(map(_way, singles))})"
    return f"{_quoted(' '.join(way.words))}{' *' if way.prefix else ''}"


def _quoted(words: str) -> str:
    # Words hold no quotes by their making; doubled, one could do nothing either.
    return '"' + words.replace('"', '""') + '"'
