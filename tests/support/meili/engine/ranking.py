"""Ranks a matching document by the ranking rules: words, typo, proximity, attribute, exactness."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyroaring import BitMap

from tests.support.meili.engine.index import Index, Positions
from tests.support.meili.engine.matching import QueryMatcher
from tests.support.meili.engine.query_terms import QueryNode, phrase_starts

MAX_PROXIMITY = 4
# The cost of a word position is the index of the first distance that is not smaller.
POSITION_COST_DISTANCES = (0, 1, 4, 7, 11, 16, 24, 64, 256, 1024)
MAX_POSITION_COST = 10


class Occurrence(NamedTuple):
    """The word positions at which a node occurs in an attribute of a document."""

    attribute: str
    first: int
    last: int


class PathStep(NamedTuple):
    """A node that a document contains, its cost in typos, and where it occurs."""

    node: QueryNode
    typos: int
    occurrences: list[Occurrence]


class Rank(NamedTuple):
    """A rank from 1 to `best`; a higher rank is better."""

    rank: int
    best: int


# Two rules consist of two ranks each.
RANKS_OF_RULE = {
    "attribute": ("attributeRank", "wordPosition"),
    "exactness": ("exact", "exactWords"),
}


@dataclass(slots=True)
class RankedDocument:
    """How well one document matches: a rank for each ranking rule.

    `match_type` is the document's match type in the details of the rule `exactness`.
    """

    number: int
    ranks: dict[str, Rank]
    match_type: str = "noExactMatch"

    def ranks_of(self, rule: str) -> list[Rank]:
        """Return the ranks of a rule; none if the query was empty."""
        names = RANKS_OF_RULE.get(rule, (rule,))
        return [self.ranks[name] for name in names if name in self.ranks]

    def detail(self, rule: str) -> dict[str, Any] | None:
        """Return the score details of a rule."""
        ranks = self.ranks_of(rule)
        if not ranks:
            return None
        rank, best = ranks[0]
        detail: dict[str, Any] = {}
        if rule == "words":
            detail = {"matchingWords": rank, "maxMatchingWords": best}
        if rule == "typo":
            detail = {"typoCount": best - rank, "maxTypoCount": best - 1}
        if rule == "exactness":
            detail = {"matchType": self.match_type}
            if self.match_type == "noExactMatch":
                exact, best_exact = ranks[1]
                detail |= {"matchingWords": exact - 1, "maxMatchingWords": best_exact - 1}
                rank, best = (rank - 1) * best_exact + exact, best * best_exact
        return {**detail, "score": rank / best}

    def score(self, rules: Sequence[str]) -> float:
        """Return a number between 0 and 1 that orders documents like the rules."""
        rank, best = 1, 1
        for rule in rules:
            for part in self.ranks_of(rule):
                rank = (rank - 1) * part.best + part.rank
                best *= part.best
        return rank / best


class DocumentRanker:
    """Ranks the documents that a matcher has found."""

    def __init__(self, matcher: QueryMatcher) -> None:
        self.matcher = matcher
        self.index: Index = matcher.index
        self.query = matcher.query
        self._max_typos_cache: dict[tuple[int, ...], int] = {}

    def rank(self, number: int, terms: tuple[int, ...]) -> RankedDocument:
        """Return how well a document matches the terms, all of which it contains."""
        all_positions = self.index.positions(number)
        positions = {
            name: words for name, words in all_positions.items() if name in self.matcher.attributes
        }
        path = self._best_path(positions, terms)
        term_count, max_typos = sum(step.node.length for step in path), self._max_typos(terms)
        typos = sum(step.typos for step in path)
        proximity, max_proximity = _proximity(path)
        attribute_cost = sum(self._attribute_cost(step) for step in path)
        position_cost = sum(_min_position_cost(all_positions, step.node) for step in path)
        match_type, exact_rank = _match_type(positions, path, terms)
        exact_words = sum(step.node.length for step in path if _has_exactly(positions, step.node))
        max_attribute_cost = self.index.max_weight * term_count
        words = {} if self.matcher.strategy == "all" else {"words": self._words_rank(terms)}
        best_position = MAX_POSITION_COST * term_count + 1
        return RankedDocument(
            number,
            {
                **words,
                "typo": Rank(max(max_typos + 1 - typos, 0), max_typos + 1),
                "proximity": Rank(max_proximity + 1 - proximity, max_proximity + 1),
                "attributeRank": Rank(
                    max_attribute_cost + 1 - attribute_cost, max_attribute_cost + 1
                ),
                "wordPosition": Rank(best_position - position_cost, best_position),
                "exact": Rank(exact_rank, 3),
                "exactWords": Rank(exact_words + 1, term_count + 1),
            },
            match_type,
        )

    def _best_path(self, positions: Positions, terms: tuple[int, ...]) -> list[PathStep]:
        """Return the path of nodes through the terms that costs the fewest typos."""
        best: dict[int, tuple[int, list[PathStep]]] = {0: (0, [])}
        for at in range(self.query.term_count):
            if at not in best:
                continue
            cost, path = best[at]
            for end, number in self.matcher.next_steps(terms, at):
                total, longer_path = cost, path
                if number is not None:
                    node = self.query.nodes[number]
                    found = _find_occurrences(positions, node)
                    if found is None:
                        continue
                    typos = found[0] + node.joining_cost
                    total += typos
                    longer_path = [*path, PathStep(node, typos, found[1])]
                if end not in best or total < best[end][0]:
                    best[end] = (total, longer_path)
        return best[self.query.term_count][1]

    def _attribute_cost(self, step: PathStep) -> int:
        weights = (self.index.weight(found.attribute) or 0 for found in step.occurrences)
        return min(weights) * step.node.length

    def _words_rank(self, terms: tuple[int, ...]) -> Rank:
        quoted = sum(len(node.original) for node in self.query.nodes if node.quoted)
        best = 1 + max(quoted - 1, 0) + sum(map(len, self.matcher.dropped_groups))
        return Rank(best - (self.query.term_count - len(terms)), best)

    def _max_typos(self, terms: tuple[int, ...]) -> int:
        """Return the highest cost of a path of nodes, among those that lead to documents.

        With the strategy `all` the server does not check whether a path leads to documents.
        """
        if terms not in self._max_typos_cache:
            costs = self._path_costs(terms, 0, self.matcher.candidates)
            self._max_typos_cache[terms] = max(costs, default=0)
        return self._max_typos_cache[terms]

    def _path_costs(self, terms: tuple[int, ...], at: int, documents: BitMap) -> Iterator[int]:
        if at == self.query.term_count:
            yield 0
            return
        for end, number in self.matcher.next_steps(terms, at):
            remaining = documents
            if number is not None and self.matcher.strategy != "all":
                remaining = documents & self.matcher.node_documents[number]
            if remaining:
                cost = 0 if number is None else self.query.nodes[number].max_typos
                for rest in self._path_costs(terms, end, remaining):
                    yield cost + rest


def _proximity(path: list[PathStep]) -> tuple[int, int]:
    """Return the sum of the distances between the words of adjacent nodes, and its maximum."""
    total, maximum = 0, 0
    for number, step in enumerate(path):
        total += step.node.length - 1
        maximum += step.node.length - 1
        previous = path[number - 1] if number else None
        if previous is not None and _are_adjacent(previous.node, step.node):
            total += min(
                _distance(left, right)
                for left in previous.occurrences
                for right in step.occurrences
            )
            maximum += MAX_PROXIMITY - 1
    return total, maximum


def _match_type(
    positions: Positions, path: list[PathStep], terms: tuple[int, ...]
) -> tuple[str, int]:
    """Return the match type and its rank, 1 to 3.

    An attribute may be equal to the query (3) or start with it (2).
    """
    if terms != tuple(range(len(terms))) or any(step.node.length > 1 for step in path):
        return "noExactMatch", 1
    best = ("noExactMatch", 1)
    for words in positions.values():
        starts_with_query = all(
            step.node.position + offset in words.get(word, ())
            for step in path
            for offset, word in enumerate(step.node.original)
        )
        if starts_with_query:
            word_count = sum(len(found) for found in words.values())
            if word_count == sum(len(step.node.original) for step in path):
                return "exactMatch", 3
            best = ("matchesStart", 2)
    return best


def _are_adjacent(left: QueryNode, right: QueryNode) -> bool:
    return left.last + 1 == right.first and left.position + len(left.original) == right.position


def _find_occurrences(positions: Positions, node: QueryNode) -> tuple[int, list[Occurrence]] | None:
    """Return the fewest typos with which a node occurs, and where; None if it does not occur."""
    found: dict[int, list[Occurrence]] = {}
    for name, words in positions.items():
        for word in node.words.keys() & words.keys():
            occurrences = found.setdefault(node.words[word], [])
            occurrences += [Occurrence(name, position, position) for position in words[word]]
        for phrase, typos in node.phrases.items():
            starts = phrase_starts(words, phrase)
            if starts:
                occurrences = found.setdefault(typos, [])
                occurrences += [
                    Occurrence(name, start, start + len(phrase) - 1) for start in starts
                ]
    return min(found.items(), key=lambda item: item[0]) if found else None


def _distance(left: Occurrence, right: Occurrence) -> int:
    if left.attribute != right.attribute or left.last == right.first:
        return MAX_PROXIMITY - 1
    ahead = right.first - left.last
    return min(ahead if ahead > 0 else 1 - ahead, MAX_PROXIMITY) - 1


def _min_position_cost(positions: Positions, node: QueryNode) -> int:
    return min(_position_cost(node, found) for found in _possible_starts(positions, node))


def _position_cost(node: QueryNode, occurrence: Occurrence) -> int:
    distance = abs(_position_bucket(occurrence.first) - node.position)
    costs = (
        next(
            (
                cost
                for cost, limit in enumerate(POSITION_COST_DISTANCES)
                if distance + offset <= limit
            ),
            MAX_POSITION_COST,
        )
        for offset in range(node.length)
    )
    return sum(costs)


def _possible_starts(positions: Positions, node: QueryNode) -> list[Occurrence]:
    """Return where a node occurs; for a quoted phrase, every position of its first word."""
    if not node.quoted:
        found = _find_occurrences(positions, node)
        return found[1] if found else []
    first = node.original[0]
    return [
        Occurrence(name, position, position)
        for name, words in positions.items()
        for position in words.get(first, ())
    ]


def _position_bucket(position: int) -> int:
    """Return the position to which the server rounds a large position."""
    if position < 16:
        return position
    return 24 if position < 24 else 1 << (position - 1).bit_length()


def _has_exactly(positions: Positions, node: QueryNode) -> bool:
    if node.quoted:
        return True
    if node.length > 1:
        return False
    word = node.original[0]
    return any(word in words for words in positions.values())


def sort_value(document: dict[str, Any], attribute: str) -> Any:
    """Return the value of an attribute, which may be a dotted name; None if it is missing."""
    value: Any = document
    for name in attribute.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
