"""Pure: finds the value of a facet that a caller names, or values that it may have meant."""

from collections.abc import Mapping, Sequence

from app.core.errors import near_misses
from app.published.facets import Facet
from app.taxonomy.vocabulary import Vocabularies, Vocabulary, fold

# The value, or None and at most three values with a similar name, nearest first.
Resolved = tuple[str | None, Sequence[str]]


def resolve_value(
    facet: Facet, text: str, banks: Mapping[str, str], vocabularies: Vocabularies
) -> Resolved:
    """Return the value of `facet` that `text` names; `banks` are the caller's, name by slug."""
    if facet.vocabulary is not None:
        return _resolve_term(text, vocabularies.named(facet.vocabulary))
    if facet.values:
        wanted = text.casefold()
        return (wanted, ()) if wanted in facet.values else (None, near_misses(wanted, facet.values))
    if facet.pattern is not None:
        wanted = text.casefold()
        return (wanted if facet.pattern.fullmatch(wanted) else None), ()
    return _resolve_bank(text, banks)


def _resolve_term(text: str, vocabulary: Vocabulary) -> Resolved:
    found = vocabulary.resolve(text)
    return found, () if found else vocabulary.near(text)


def _resolve_bank(text: str, banks: Mapping[str, str]) -> Resolved:
    wanted = fold(text)
    if wanted in banks:
        return wanted, ()
    for slug, name in banks.items():
        if fold(name) == wanted:
            return slug, ()
    return None, near_misses(wanted, banks)
