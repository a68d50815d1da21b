"""Pure: scores candidates: how well a question matches an interpretation, as a tier and a score.

FTS5's bm25 is not used: it takes longer for the many matches of a prefix, and has no tiers. Only
candidates are scored, so the cost does not grow with the bank: see "as you type, alone" in
docs/benchmarks.md.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from app.search.embedded.fts_expressions import NEAR_DISTANCE
from app.search.embedded.index_rows import IndexRow
from app.search.embedded.interpretation import Interpretation, TermGroup, Variant
from app.search.engine import Tier
from app.search.text.token_phrase import FieldScope

# The weight of a match by its field, in the order of FIELDS.
FIELD_WEIGHTS = (1.0, 0.45, 0.55, 0.3, 0.3)

# How much the fraction of the stem that the query covers adds to the score.
COVERAGE_WEIGHT = 0.25
# A complete token is worth more than a longer one that starts with the typed prefix.
COMPLETE_TOKEN_FACTOR = 1.05
# The highest weight of a match outside the stem, lower than that of any variant in the stem.
MAX_WEIGHT_OUTSIDE_STEM = max(FIELD_WEIGHTS[1:]) * COMPLETE_TOKEN_FACTOR


class MatchScore(NamedTuple):
    """How a question matched; `tier` counts only if no group is missing."""

    tier: Tier
    score: float
    missing_groups: int


# The substrings that a question must contain to match a variant, and the variant's weight;
# ordered by weight, highest first.
_WeightedSubstrings: TypeAlias = Sequence[tuple[tuple[str, ...], float]]


class Scorer:
    """Scores questions against one interpretation."""

    def __init__(self, interpretation: Interpretation, scope: FieldScope) -> None:
        """Precompute what the score of every question needs; `scope` is the searched fields."""
        self._scope = scope
        self._groups = [(group.idf, _by_weight(group, scope)) for group in interpretation.groups]
        self._total_idf = sum(group.idf for group in interpretation.groups) or 1.0
        self._slots = interpretation.slots
        self._slots_of: dict[str, set[int]] = {}
        for index, slot in enumerate(self._slots):
            for token in slot.allowed:
                self._slots_of.setdefault(token, set()).add(index)
        self._prefix = self._slots[-1].prefix if self._slots else None

    def score(self, row: IndexRow) -> MatchScore:
        """Return how well the question matches."""
        score = 0.0
        missing = 0
        all_in_stem = True
        fields = row.fields(self._scope)
        for idf, variants in self._groups:
            weight = _best_weight(variants, fields)
            missing += not weight
            score += idf * weight
            all_in_stem = all_in_stem and weight > MAX_WEIGHT_OUTSIDE_STEM
        score /= self._total_idf
        if missing:
            return MatchScore(Tier.PARTIAL, score, missing)
        tier = Tier.ANY_FIELD
        if all_in_stem:
            tier, coverage = self._stem_tier(row.stem.split())
            score += COVERAGE_WEIGHT * coverage
        return MatchScore(tier, score, 0)

    def _stem_tier(self, stem_tokens: list[str]) -> tuple[Tier, float]:
        """Return the tier of a stem that contains every group, and the fraction that matched."""
        # The position in the stem of each token that matched, and the slots that it can fill.
        matches: list[tuple[int, set[int]]] = []
        last_slot = len(self._slots) - 1
        exact = False
        for position, token in enumerate(stem_tokens):
            slots = self._slots_of.get(token)
            if slots is not None:
                exact = True
                matches.append((position, slots))
            elif self._prefix is not None and token.startswith(self._prefix):
                matches.append((position, {last_slot}))
        coverage = len(matches) / len(stem_tokens)
        if last_slot == 0:
            return (Tier.PHRASE if exact else Tier.NEAR), coverage
        slots_at = dict(matches)
        for position, slots in matches:
            if 0 in slots and all(
                step in slots_at.get(position + step, ()) for step in range(1, last_slot + 1)
            ):
                return Tier.PHRASE, coverage
        return (Tier.NEAR if self._are_near(matches) else Tier.STEM), coverage

    def _are_near(self, matches: list[tuple[int, set[int]]]) -> bool:
        """Return whether tokens that fill all slots are within NEAR_DISTANCE of each other."""
        wanted = len(self._slots)
        for start, (first, _) in enumerate(matches):
            filled: set[int] = set()
            for position, slots in matches[start:]:
                if position - first - wanted >= NEAR_DISTANCE:
                    break
                filled |= slots
                if len(filled) == wanted:
                    return True
        return False


def matched_variants(
    interpretation: Interpretation, row: IndexRow, scope: FieldScope
) -> dict[TermGroup, Variant]:
    """Return the best variant of each group that the question contains."""
    fields = row.fields(scope)
    matched = {}
    for group in interpretation.groups:
        weights = [
            (_best_weight(((_substrings(variant, scope), variant.weight),), fields), variant)
            for variant in group.variants
        ]
        weight, variant = max(weights, key=lambda pair: pair[0])
        if weight:
            matched[group] = variant
    return matched


def _by_weight(group: TermGroup, scope: FieldScope) -> _WeightedSubstrings:
    variants = [(_substrings(variant, scope), variant.weight) for variant in group.variants]
    variants += [
        (
            _substrings(variant._replace(prefix=False), scope),
            variant.weight * COMPLETE_TOKEN_FACTOR,
        )
        for variant in group.variants
        if variant.prefix
    ]
    return sorted(variants, key=lambda pair: -pair[1])


def _substrings(variant: Variant, scope: FieldScope) -> tuple[str, ...]:
    return tuple(phrase.substring for phrase in variant.phrases(scope))


def _best_weight(variants: _WeightedSubstrings, fields: tuple[str, ...]) -> float:
    """Return the weight of the best variant that the fields contain; 0 if they contain none."""
    best = 0.0
    for substrings, variant_weight in variants:
        if variant_weight <= best:
            break
        weight = 1.0
        for substring in substrings:
            for position, field in enumerate(fields):
                if substring in field:
                    weight = min(weight, FIELD_WEIGHTS[position])
                    break
            else:
                weight = 0.0
                break
        best = max(best, variant_weight * weight)
    return best
