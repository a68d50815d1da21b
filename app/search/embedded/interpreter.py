"""Pure: interprets a query against the lexicon of one bank; the first step of a query in a bank.

Takes the cleaned query, a lexicon and synonyms, and gives interpretations: the query as typed, and
with its misspelt tokens corrected.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import log

from app.search.embedded.interpretation import Interpretation, TermGroup, Variant
from app.search.embedded.lexicon import Lexicon
from app.search.embedded.synonym_table import SynonymTable
from app.search.text.query import query_tokens
from app.search.text.tokenizer import Token

# The weights of variants; the token as typed has 1.
INFLECTION_WEIGHT = 0.9
SYNONYM_WEIGHT = 0.8
# A longer token that starts with a single, complete token.
CONTINUATION_WEIGHT = 0.25
# By the number of edits.
CORRECTION_WEIGHTS = (1.0, 0.8, 0.6)
# A shorter token is rarely a form of another one.
MIN_INFLECTED_LETTERS = 4


class Interpreter:
    """Interprets one query against the tokens of one bank."""

    def __init__(
        self, text: str, lexicon: Lexicon, synonyms: SynonymTable, *, with_answers: bool
    ) -> None:
        """Take a cleaned query; `with_answers` to search answers too."""
        self.with_answers = with_answers
        self._lexicon = lexicon
        self._synonyms = synonyms
        tokens = query_tokens(text)
        self._tokens = [token for token in tokens if not token.is_compound]
        self._compounds = {token.start: token for token in tokens if token.is_compound}
        self._corrected: dict[bool, Interpretation | None] = {}

    @cached_property
    def exact(self) -> Interpretation:
        """The query as it was typed, with inflections, compounds and synonyms."""
        groups = []
        at = 0
        while at < len(self._tokens):
            length = self._group_length(at)
            groups.append(self._group(at, length))
            at += length
        return Interpretation(tuple(groups))

    def corrected(self, *, unknown_only: bool) -> Interpretation | None:
        """Return the exact interpretation plus corrections of its tokens; None if there are none.

        With `unknown_only` only tokens that no question contains are corrected.
        """
        if unknown_only not in self._corrected:
            self._corrected[unknown_only] = self._correct(unknown_only=unknown_only)
        return self._corrected[unknown_only]

    def _correct(self, *, unknown_only: bool) -> Interpretation | None:
        groups: list[TermGroup] = []
        changed = False
        at = 0
        for group in self.exact.groups:
            length = len(group.typed.tokens)
            known = all(self._frequency(token) for token in group.typed.tokens)
            if length > 1 and known:
                groups.append(group)
            else:
                for position in range(at, at + length):
                    single = group if length == 1 else self._group(position, 1)
                    corrections = self._corrections(position, unknown_only=unknown_only)
                    changed = changed or bool(corrections)
                    groups.append(self._with_corrections(single, corrections))
            at += length
        return Interpretation(tuple(groups)) if changed else None

    def _group_length(self, at: int) -> int:
        """Return how many tokens from position `at` on are searched together."""
        texts = [token.text for token in self._tokens]
        longest = self._synonyms.longest_match(texts, at)
        compound = self._compounds.get(self._tokens[at].start)
        if compound is not None:
            parts = sum(1 for token in self._tokens[at:] if token.start < compound.end)
            return max(longest, parts)
        if longest == 1 and at + 1 < len(texts) and self._form_known_compound(at):
            return 2
        return longest

    def _form_known_compound(self, at: int) -> bool:
        """Return whether the tokens at `at` and after it, written together, are a known token."""
        first, second = self._tokens[at : at + 2]
        return second.start not in self._compounds and self._frequency(first.text + second.text) > 0

    def _group(self, at: int, length: int) -> TermGroup:
        typed = self._tokens[at : at + length]
        texts = tuple(token.text for token in typed)
        is_last = at + length == len(self._tokens)
        variants = [Variant(texts, scattered=length > 1, prefix=is_last)]
        if len(self._tokens) == 1 and self._frequency(texts[0]):
            # The query is a single known token: it may also be the beginning of a longer one.
            variants = [Variant(texts), Variant(texts, CONTINUATION_WEIGHT, prefix=True)]
        if length > 1:
            variants.append(Variant(("".join(texts),), prefix=is_last))
        else:
            variants += [
                Variant((other,), INFLECTION_WEIGHT) for other in self._inflections(texts[0])
            ]
        synonyms = self._synonyms.synonyms_from_groups(texts)
        variants += [Variant(other, SYNONYM_WEIGHT) for other in synonyms]
        idf = self._group_idf(typed, is_last=is_last)
        return TermGroup(tuple(variants), idf, typed[0].start, typed[-1].end)

    def _group_idf(self, typed: Sequence[Token], *, is_last: bool) -> float:
        frequencies = [self._frequency(token.text) for token in typed]
        if is_last and not frequencies[-1]:
            frequencies[-1] = self._prefix_frequency(typed[-1].text)
        return sum(self._idf(frequency) for frequency in frequencies)

    def _idf(self, frequency: int) -> float:
        """Return the inverse document frequency of a token."""
        total = max(self._lexicon.questions, frequency, 1)
        return log(1 + total / (frequency + 0.5))

    def _inflections(self, token: str) -> list[str]:
        if len(token) < MIN_INFLECTED_LETTERS or not token.isalpha():
            return []
        return [form for form in _inflected(token) if self._frequency(form)]

    def _corrections(self, position: int, *, unknown_only: bool) -> list[Variant]:
        token = self._tokens[position].text
        is_last = position == len(self._tokens) - 1
        if unknown_only and self._is_known(token, is_last=is_last):
            return []
        variants = [
            Variant((other.token,), CORRECTION_WEIGHTS[other.edits], corrected=True)
            for other in self._lexicon.corrections(
                token, prefix=is_last, with_answers=self.with_answers
            )
        ]
        if not self._frequency(token):
            halves = self._lexicon.split_in_two(token, with_answers=self.with_answers)
            if halves:
                variants.append(Variant(halves, CORRECTION_WEIGHTS[1], corrected=True))
        return variants

    def _with_corrections(self, group: TermGroup, corrections: list[Variant]) -> TermGroup:
        if not corrections:
            return group
        idf = group.idf
        if not self._frequency(group.typed.tokens[0]):
            idf = self._idf(max(self._frequency(variant.tokens[0]) for variant in corrections))
        return group._replace(variants=group.variants + tuple(corrections), idf=idf)

    def _is_known(self, token: str, *, is_last: bool) -> bool:
        if self._frequency(token):
            return True
        return is_last and self._prefix_frequency(token) > 0

    def _frequency(self, token: str) -> int:
        return self._lexicon.frequency(token, with_answers=self.with_answers)

    def _prefix_frequency(self, prefix: str) -> int:
        return self._lexicon.prefix_frequency(prefix, with_answers=self.with_answers)


def _inflected(token: str) -> Iterator[str]:
    """Yield the English plural or singular of a noun, by its ending."""
    if token.endswith("ies"):
        yield token[:-3] + "y"
    elif token.endswith("s") and not token.endswith("ss"):
        yield token[:-1]
        if token.endswith("es"):
            yield token[:-2]
    elif token.endswith("y"):
        yield token[:-1] + "ies"
    else:
        yield token + "s"
        yield token + "es"
