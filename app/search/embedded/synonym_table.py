"""Pure: the editors' synonyms by their tokens, as the interpreter looks them up."""

from collections.abc import Sequence

from app.search.engine import Synonyms
from app.search.text.tokenizer import tokenize

_Tokens = tuple[str, ...]


class SynonymTable:
    """Synonyms by the tokens of a phrase."""

    def __init__(self, synonyms: Synonyms) -> None:
        """Tokenize the phrases and their synonyms."""
        self.source = synonyms
        self._synonyms: dict[_Tokens, tuple[_Tokens, ...]] = {}
        for phrase, others in synonyms.items():
            variants = tuple(form for other in others for form in _forms(other))
            for form in _forms(phrase):
                self._synonyms[form] = variants
        self._longest = max(map(len, self._synonyms), default=0)

    def synonyms_from_groups(self, tokens: _Tokens) -> tuple[_Tokens, ...]:
        """Return the tokens of each synonym of a phrase; empty without synonyms."""
        return self._synonyms.get(tokens, ())

    def longest_match(self, tokens: Sequence[str], at: int) -> int:
        """Return the length of the longest phrase at position `at` with synonyms; at least 1."""
        for length in range(min(self._longest, len(tokens) - at), 1, -1):
            if tuple(tokens[at : at + length]) in self._synonyms:
                return length
        return 1


def _forms(phrase: str) -> list[_Tokens]:
    """Return the tokens of a phrase; if it is a single compound, also the compound itself."""
    tokens = list(tokenize(phrase))
    forms = [tuple(token.text for token in tokens if not token.is_compound)]
    if len(forms[0]) > 1 and len(tokens) == len(forms[0]) + 1:
        forms.append((tokens[-1].text,))
    return [form for form in forms if form]
