"""Finds the questions of one bank that match an interpretation, with set algebra over bitmaps.

Takes interpretations from the interpreter and posting lists from `postings`; gives the finder the
numbers of matching questions, and scores for the best candidates.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from pyroaring import BitMap

from app.search.embedded import fts_expressions
from app.search.embedded.index_rows import IndexRow, numbers_matching, read_rows, read_stems
from app.search.embedded.interpretation import Interpretation, TermGroup, Variant
from app.search.embedded.interpreter import Interpreter
from app.search.embedded.lexicon_cache import CachedLexicon
from app.search.embedded.postings import BankPostings
from app.search.embedded.ranking import MatchScore, Scorer
from app.search.embedded.tables import IndexedBank
from app.search.text.token_phrase import FieldScope, TokenPhrase

# Paging reaches 1,000 hits; one more shows whether further hits follow.
MAX_MATCHES = 1001
# Up to this number of matches, all are scored. Of more, the candidates of each tier are scored, up
# to CANDIDATES_PER_TIER of the newest; the others follow by age. Scoring reads whole rows: see
# "as you type, alone" at 1,000,000 questions in docs/benchmarks.md.
MAX_FULLY_SCORED = 400
CANDIDATES_PER_TIER = 150
# If every group is in more questions than this, phrases and proximity are no sign of relevance and
# are slow to find: only the newest matches are scored.
COMMON_GROUP_QUESTIONS = 20_000
# Up to this number of groups, partial matches try every combination; beyond it only the groups
# with the highest idf, because the number of combinations grows exponentially.
MAX_COMBINED_GROUPS = 4


class BankIndex:
    """The index of one bank in one snapshot of the file.

    All searches of one request share it, because they differ only in their filters. `interpreter`
    has the query.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        bank: IndexedBank,
        cached_lexicon: CachedLexicon,
        interpreter: Interpreter,
        postings: BankPostings,
    ) -> None:
        """Read `bank` through `connection`, which holds the same snapshot as `postings`."""
        self.bank = bank
        self.cached_lexicon = cached_lexicon
        self.interpreter = interpreter
        self._connection = connection
        self._postings = postings
        self._group_postings: dict[tuple[TermGroup, FieldScope], BitMap] = {}

    def group_postings(self, group: TermGroup, scope: FieldScope) -> BitMap:
        """Return the posting list of a group: the union of its variants. Do not modify it."""
        key = (group, scope)
        found = self._group_postings.get(key)
        if found is None:
            variants = [self._variant_postings(variant, scope) for variant in group.variants]
            found = self._group_postings[key] = BitMap.union(*variants)
        return found

    def phrase_postings(self, phrase: TokenPhrase) -> BitMap:
        """Return the posting list of a phrase. Do not modify it."""
        return self._postings.read(phrase)

    def matching(self, expression: str) -> BitMap:
        """Return the numbers of all questions that match an FTS5 expression."""
        return numbers_matching(self._connection, self.bank, expression)

    def rows(self, numbers: Sequence[int]) -> list[IndexRow]:
        """Return the indexed rows of questions."""
        return read_rows(self._connection, self.bank, numbers)

    def stems(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return the revision and the stem, as plain text, of each question by number."""
        return read_stems(self._connection, self.bank, numbers)

    def _variant_postings(self, variant: Variant, scope: FieldScope) -> BitMap:
        first, *others = map(self._postings.read, variant.phrases(scope))
        # Without this test a single, possibly large bitmap would be copied.
        return BitMap.intersection(first, *others) if others else first


class BankSearch:
    """One search in the index of one bank; it finds only `members`, which its filter allows."""

    def __init__(self, index: BankIndex, members: BitMap) -> None:
        """Prepare to search `index` for `members`."""
        self.slug = index.bank.slug
        self.interpreter = index.interpreter
        self.scope = FieldScope.searched(with_answers=index.interpreter.with_answers)
        self.lexicon_is_current = index.cached_lexicon.is_current
        self._index = index
        self._lexicon = index.cached_lexicon.lexicon
        self._members = members

    def matches(self, interpretation: Interpretation, limit: int, exclude: BitMap) -> list[int]:
        """Return the numbers of questions that contain every group, newest first."""
        return _newest(self._containing(interpretation.groups, self.scope) - exclude, limit)

    def partial_matches(
        self, interpretation: Interpretation, step: int, limit: int, exclude: BitMap
    ) -> list[int]:
        """Return the numbers of questions that contain only some of the groups, newest first.

        Each step requires fewer groups than the one before; after the last step the list is
        empty. Groups of common tokens are not required.
        """
        with_answers = self.interpreter.with_answers
        groups = interpretation.without_common_groups(
            self._lexicon, with_answers=with_answers, complete=self.lexicon_is_current
        ).groups
        some_removed = len(groups) < len(interpretation.groups)
        counts = _group_counts(len(groups) if some_removed else len(groups) - 1)
        if step >= len(counts):
            return []
        found = BitMap()
        for subset in _subsets(groups, counts[step]):
            found |= self._containing(subset, self.scope)
        return _newest(found - exclude, limit)

    def candidates(
        self, interpretation: Interpretation, numbers: list[int], exclude: BitMap
    ) -> list[int]:
        """Return the matches to score: all if they are few, otherwise those of the best tiers."""
        if len(numbers) <= MAX_FULLY_SCORED:
            return numbers
        postings = [
            self._index.group_postings(group, self.scope) for group in interpretation.groups
        ]
        if min(map(len, postings)) > COMMON_GROUP_QUESTIONS:
            return numbers[: 2 * CANDIDATES_PER_TIER]
        finished = interpretation.with_finished_last_token(
            self._lexicon, with_answers=self.interpreter.with_answers
        )
        found = BitMap(numbers[:CANDIDATES_PER_TIER])
        for matching in self._tiers(finished):
            found.update(_newest(matching - exclude, CANDIDATES_PER_TIER))
            if len(found) >= 2 * CANDIDATES_PER_TIER:
                break
        return list(found)

    def scored(
        self, interpretation: Interpretation, numbers: Sequence[int]
    ) -> list[tuple[IndexRow, MatchScore]]:
        """Return the indexed rows of questions with their scores."""
        scorer = Scorer(interpretation, self.scope)
        return [(row, scorer.score(row)) for row in self._index.rows(numbers)]

    def stems(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return the revision and the stem, as plain text, of each question by number."""
        return self._index.stems(numbers)

    def _tiers(self, interpretation: Interpretation) -> Iterator[BitMap]:
        """Yield the members in the tiers PHRASE, NEAR and STEM."""
        phrase = fts_expressions.stem_phrase(interpretation)
        yield self._index.phrase_postings(phrase) & self._members
        if len(phrase.tokens) > 1:
            near = fts_expressions.near_expression(interpretation)
            yield self._index.matching(near) & self._members
        yield self._containing(interpretation.groups, FieldScope.STEM)

    def _containing(self, groups: Iterable[TermGroup], scope: FieldScope) -> BitMap:
        """Return the members that contain every group."""
        postings = [self._index.group_postings(group, scope) for group in groups]
        # Shortest first, so that each intersection is as small as possible.
        return BitMap.intersection(self._members, *sorted(postings, key=len))


def _newest(numbers: BitMap, limit: int) -> list[int]:
    """Return the highest numbers, newest first: numbers are given in order of publication."""
    return list(numbers[-limit:])[::-1]


def _subsets(groups: Sequence[TermGroup], count: int) -> Iterable[Sequence[TermGroup]]:
    """Return subsets of `count` groups: all of them, or the one with the highest idf."""
    if count == 1 or len(groups) <= MAX_COMBINED_GROUPS:
        return combinations(groups, count)
    return [sorted(groups, key=lambda group: -group.idf)[:count]]


def _group_counts(most: int) -> list[int]:
    """Return how many groups each step of a partial match requires, at first `most`."""
    counts = []
    while most > 0:
        counts.append(most)
        most = most - 1 if most <= MAX_COMBINED_GROUPS else most // 2
    return counts
