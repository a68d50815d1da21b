"""Pure: how a query can be interpreted: groups of tokens, each with its variants.

Between the interpreter, which makes interpretations, and matcher, ranking and highlighting, which
apply them to questions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from app.search.embedded.lexicon import Lexicon
from app.search.text.token_phrase import FieldScope, TokenPhrase

# A token is common if more than this fraction of a bank's questions contain it, and more than this
# number of them.
COMMON_TOKEN_FRACTION = 0.2
COMMON_TOKEN_QUESTIONS = 100


class Variant(NamedTuple):
    """One way to write a group: as typed, inflected, as a synonym or corrected.

    The tokens form a phrase; if `scattered`, they may be anywhere in the question. With `prefix`
    the last one may be the beginning of a longer token. `weight` is the value of a match in
    comparison with one of the tokens as typed.
    """

    tokens: tuple[str, ...]
    weight: float = 1.0
    scattered: bool = False
    prefix: bool = False
    corrected: bool = False

    def phrases(self, scope: FieldScope) -> list[TokenPhrase]:
        """Return the phrases that a question must contain, all of them, to match."""
        if not self.scattered:
            return [TokenPhrase(self.tokens, self.prefix, scope)]
        *others, last = self.tokens
        phrases = [TokenPhrase((token,), prefix=False, scope=scope) for token in others]
        phrases.append(TokenPhrase((last,), self.prefix, scope))
        return phrases


class TermGroup(NamedTuple):
    """Neighbouring tokens of the query that are searched together; the first variant is as typed.

    `idf` is the sum of the inverse document frequencies of its tokens; `start` and `end` are
    character offsets in the query.
    """

    variants: tuple[Variant, ...]
    idf: float
    start: int
    end: int

    @property
    def typed(self) -> Variant:
        """The tokens as they were typed."""
        return self.variants[0]


class TokenSlot(NamedTuple):
    """A typed token: the tokens that may replace it, and a prefix that they may start with."""

    allowed: frozenset[str]
    prefix: str | None


@dataclass(frozen=True)
class Interpretation:
    """One interpretation of the whole query. A question matches if it contains every group."""

    groups: tuple[TermGroup, ...]

    @cached_property
    def slots(self) -> tuple[TokenSlot, ...]:
        """The slots of all typed tokens, in their order."""
        return tuple(slot for group in self.groups for slot in _slots(group))

    def frequencies(self, lexicon: Lexicon, *, with_answers: bool) -> list[int]:
        """Return for each group roughly how many questions contain it, in any variant."""
        return [
            sum(_frequency(variant, lexicon, with_answers) for variant in group.variants)
            for group in self.groups
        ]

    def without_common_groups(
        self, lexicon: Lexicon, *, with_answers: bool, complete: bool
    ) -> "Interpretation":
        """Return the interpretation without groups of common tokens, unless none would be left.

        Where the lexicon is `complete`, groups that no question contains are removed too.
        """
        frequencies = self.frequencies(lexicon, with_answers=with_answers)
        limit = max(COMMON_TOKEN_FRACTION * lexicon.questions, COMMON_TOKEN_QUESTIONS)
        found = [
            (group, frequency)
            for group, frequency in zip(self.groups, frequencies, strict=True)
            if frequency or not complete
        ]
        rare = [group for group, frequency in found if frequency <= limit]
        return Interpretation(tuple(rare or (group for group, _ in found)))

    def with_finished_last_token(self, lexicon: Lexicon, *, with_answers: bool) -> "Interpretation":
        """Return the interpretation whose last token is no prefix, if the lexicon contains it."""
        *others, last = self.groups
        variants = tuple(
            variant._replace(
                prefix=variant.prefix
                and not lexicon.frequency(variant.tokens[-1], with_answers=with_answers)
            )
            for variant in last.variants
        )
        return Interpretation((*others, last._replace(variants=variants)))


def corrected_query(text: str, matched: Mapping[TermGroup, Variant]) -> str | None:
    """Return the query with corrected tokens replaced; None if no matched variant is corrected."""
    pieces = []
    at = 0
    for group, variant in sorted(matched.items(), key=lambda pair: pair[0].start):
        if variant.corrected:
            pieces += [text[at : group.start], " ".join(variant.tokens)]
            at = group.end
    return "".join(pieces) + text[at:] if pieces else None


def _frequency(variant: Variant, lexicon: Lexicon, with_answers: bool) -> int:
    frequencies = [lexicon.frequency(token, with_answers=with_answers) for token in variant.tokens]
    if variant.prefix:
        prefix = variant.tokens[-1]
        frequencies[-1] = lexicon.prefix_frequency(prefix, with_answers=with_answers)
    return min(frequencies)


def _slots(group: TermGroup) -> Iterator[TokenSlot]:
    typed = group.typed
    others = {variant.tokens[0] for variant in group.variants[1:] if len(variant.tokens) == 1}
    for position, token in enumerate(typed.tokens):
        is_last = position == len(typed.tokens) - 1
        allowed = {token} if typed.scattered else {token} | others
        yield TokenSlot(frozenset(allowed), token if typed.prefix and is_last else None)
