"""A worker's live snapshot of the editors' synonyms."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session

from app.search.engine import Synonyms
from app.search.synonyms import repository
from app.search.text.tokenizer import fold, tokenize


class Thesaurus:
    """Holds the synonyms that were read last; the same object for as long as they stay the same."""

    def __init__(self) -> None:
        """Start without any."""
        self.current: Synonyms = {}

    def load(self, session: Session) -> None:
        """Read every group anew and put them in place at once."""
        found = synonyms_of(group.words for group in repository.all_groups(session))
        if found != self.current:
            self.current = found


def distinct_phrases(given: Iterable[str]) -> list[str]:
    """Return phrases without those that say the same words as one before, or none at all."""
    found: dict[tuple[str, ...], str] = {}
    for phrase in given:
        said = tuple(word.text for word in tokenize(phrase) if not word.is_compound)
        if said:
            found.setdefault(said, phrase)
    return list(found.values())


def synonyms_of(groups: Iterable[Sequence[str]]) -> Synonyms:
    """Return for each phrase, folded, those that mean the same.

    Groups are not joined: where a phrase stands in two of them, what it means in one is not what
    it means in the other.
    """
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        phrases = [" ".join(fold(phrase).split()) for phrase in distinct_phrases(group)]
        for phrase in phrases:
            found.setdefault(phrase, {}).update(dict.fromkeys(phrases))
    return {
        phrase: tuple(other for other in others if other != phrase)
        for phrase, others in sorted(found.items())
    }
