"""A worker's snapshot of the editors' synonyms."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session

from app.search.engine import Synonyms
from app.search.synonyms import repository
from app.search.text.tokenizer import fold, tokenize


class SynonymSnapshot:
    """Caches the synonyms of the last load; an unchanged load keeps the same object."""

    def __init__(self) -> None:
        """Start without synonyms."""
        self.current: Synonyms = {}

    def load(self, session: Session) -> None:
        """Read every group and replace the snapshot if anything changed."""
        loaded = synonyms_from_groups(group.words for group in repository.all_groups(session))
        if loaded != self.current:
            self.current = loaded


def distinct_phrases(phrases: Iterable[str]) -> list[str]:
    """Return the phrases without those that have no words or repeat the words of an earlier one."""
    found: dict[tuple[str, ...], str] = {}
    for phrase in phrases:
        phrase_words = tuple(word.text for word in tokenize(phrase) if not word.is_compound)
        if phrase_words:
            found.setdefault(phrase_words, phrase)
    return list(found.values())


def synonyms_from_groups(groups: Iterable[Sequence[str]]) -> Synonyms:
    """Return the synonyms of each phrase; all phrases are folded.

    Groups are not merged: a phrase in two groups may have a different meaning in each.
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
