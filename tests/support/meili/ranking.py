"""Which documents match a query, and how well: words, typos, proximity, place, exactness."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pyroaring import BitMap

from tests.support.meili.index import Index, Places
from tests.support.meili.queries import Node, Query, phrase_documents, phrase_starts

FARTHEST = 4
DISTANCES = (0, 1, 4, 7, 11, 16, 24, 64, 256, 1024)


class Spot(NamedTuple):
    """Where a node stands in a document."""

    attribute: str
    first: int
    last: int


class Rank(NamedTuple):
    """A place among places; more is better, `most` is best."""

    rank: int
    most: int


@dataclass(frozen=True, slots=True)
class Level:
    """The terms that are asked for, and the documents that have them but no more."""

    kept: tuple[int, ...]
    documents: BitMap


@dataclass(slots=True)
class Ranked:
    """How well one document matches: a rank by rule, in the order of the rules."""

    number: int
    ranks: dict[str, Rank]
    exact: str = "noExactMatch"

    def parts(self, rule: str) -> list[Rank]:
        """Return the ranks of which a rule is made; none where nothing was searched."""
        return [self.ranks[name] for name in PARTS.get(rule, (rule,)) if name in self.ranks]

    def detail(self, rule: str) -> dict[str, Any] | None:
        """Return what the server tells of a rule."""
        ranks = self.parts(rule)
        if not ranks:
            return None
        rank, most = ranks[0]
        detail: dict[str, Any] = {}
        if rule == "words":
            detail = {"matchingWords": rank, "maxMatchingWords": most}
        if rule == "typo":
            detail = {"typoCount": most - rank, "maxTypoCount": most - 1}
        if rule == "exactness":
            detail = {"matchType": self.exact}
            if self.exact == "noExactMatch":
                exact, most_exact = ranks[1]
                detail |= {"matchingWords": exact - 1, "maxMatchingWords": most_exact - 1}
                rank, most = (rank - 1) * most_exact + exact, most * most_exact
        return {**detail, "score": rank / most}

    def rank_of(self, rule: str) -> list[int]:
        return [part.rank for part in self.parts(rule)]

    def score(self, rules: Sequence[str]) -> float:
        rank, most = 1, 1
        for rule in rules:
            for inner in self.parts(rule):
                rank = (rank - 1) * inner.most + inner.rank
                most *= inner.most
        return rank / most


# Two rules are made of two ranks each.
PARTS = {"attribute": ("attributeRank", "wordPosition"), "exactness": ("exact", "exactWords")}


class Matcher:
    """Matches one query against one index, in some of its attributes."""

    def __init__(self, index: Index, query: Query, attributes: Iterable[str], strategy: str):
        self.index = index
        self.query = query
        self.attributes = [name for name in index.words if name in set(attributes)]
        self.strategy = strategy
        self.found = [self._documents(node) for node in query.nodes]
        self.universe = index.everything
        self._costs: dict[tuple[int, ...], int] = {}

    def absent(self) -> BitMap:
        """Return the documents that hold what must be absent."""
        held = BitMap()
        for word in self.query.absent_words:
            held |= self.index.having(word, self.attributes)
        for phrase in self.query.absent_phrases:
            held |= BitMap(phrase_documents(self.index, phrase, self.attributes))
        return held

    def levels(self, universe: BitMap) -> list[Level]:
        """Return the documents that match, those with the most terms first."""
        levels = []
        self.universe = left = universe
        for skipped in self._skipped_terms():
            kept = tuple(n for n in range(self.query.terms) if n not in skipped)
            held = self._holding(kept) & left
            if held:
                levels.append(Level(kept, held))
                left = left - held
        return levels

    def _documents(self, node: Node) -> BitMap:
        held = BitMap()
        for name in self.attributes:
            sets = self.index.words[name]
            held |= BitMap.union(BitMap(), *(sets.get(word) for word in node.words))
        for phrase in node.phrases:
            held |= BitMap(phrase_documents(self.index, phrase, self.attributes))
        return held

    def _skipped_terms(self) -> Iterator[frozenset[int]]:
        """Yield the terms that may be missing, few before many."""
        yield frozenset()
        before: frozenset[int] = frozenset()
        for group in self._groups:
            for size in range(1, len(group) + 1):
                for missing in itertools.combinations(group, size):
                    yield before | frozenset(missing)
            before |= frozenset(group)

    @cached_property
    def _groups(self) -> list[list[int]]:
        """The terms that may be missing, in the order in which they are given up."""
        if self.strategy == "all":
            return []
        single = self.query.nodes[: self.query.terms]
        free = [n for n, node in enumerate(single) if not node.quoted]
        if self.strategy == "last":
            groups = [[n] for n in reversed(free)]
        else:
            counts = {n: self._frequency(n) for n in free}
            ordered = sorted(set(counts.values()), reverse=True)
            groups = [[n for n in free if counts[n] == count] for count in ordered]
        return groups[:-1] if len(free) == len(single) else groups

    def _frequency(self, term: int) -> int:
        nodes = enumerate(self.query.nodes)
        held = (self.found[place] for place, node in nodes if node.first <= term <= node.last)
        return len(BitMap.union(BitMap(), *held)) or 1 << 62

    def _ways(self, kept: tuple[int, ...], at: int) -> Iterator[tuple[int, int | None]]:
        """Yield the next term behind each step from a term, and the node that is the step.

        A term that is not kept may be passed over; a node lives on while one of its terms is kept.
        """
        if at not in kept:
            yield at + 1, None
        for place, node in enumerate(self.query.nodes):
            if node.first == at and any(n in kept for n in range(at, node.last + 1)):
                yield node.last + 1, place

    def _holding(self, kept: tuple[int, ...]) -> BitMap:
        """Return the documents in which some way leads through the kept terms."""
        reached: dict[int, BitMap] = {0: self.index.everything}
        for at in range(self.query.terms):
            held = reached.get(at)
            if held:
                for end, place in self._ways(kept, at):
                    there = held if place is None else held & self.found[place]
                    reached[end] = reached.get(end, BitMap()) | there
        return reached.get(self.query.terms, BitMap())

    # One document

    def ranked(self, number: int, kept: tuple[int, ...]) -> Ranked:
        """Return how well a document matches the kept terms, all of which it has."""
        everywhere = self.index.places(number)
        places = {name: found for name, found in everywhere.items() if name in self.attributes}
        path = self._best_path(places, kept)
        nodes = [node for node, _, _ in path]
        spots = [spot for _, _, spot in path]
        count, most_typos = sum(node.length for node in nodes), self._most_typos(kept)
        typos = sum(typos for _, typos, _ in path)
        near, farthest = self._proximity(nodes, spots)
        weights = sum(
            min(self.index.weight(spot.attribute) or 0 for spot in at) * node.length
            for node, at in zip(nodes, spots, strict=True)
        )
        position = sum(
            min(_position_cost(node, spot) for spot in _starts(everywhere, node)) for node in nodes
        )
        exact, level = self._exact(places, nodes, kept)
        exact_words = sum(node.length for node in nodes if _has_exactly(places, node))
        heaviest = self.index.heaviest * count
        asked = {} if self.strategy == "all" else {"words": self._words(kept)}
        return Ranked(
            number,
            {
                **asked,
                "typo": Rank(max(most_typos + 1 - typos, 0), most_typos + 1),
                "proximity": Rank(farthest + 1 - near, farthest + 1),
                "attributeRank": Rank(heaviest + 1 - weights, heaviest + 1),
                "wordPosition": Rank(10 * count + 1 - position, 10 * count + 1),
                "exact": Rank(level, 3),
                "exactWords": Rank(exact_words + 1, count + 1),
            },
            exact,
        )

    def _best_path(
        self, places: Places, kept: tuple[int, ...]
    ) -> list[tuple[Node, int, list[Spot]]]:
        """Return the way through the nodes with the fewest typos."""
        best: dict[int, tuple[int, list[tuple[Node, int, list[Spot]]]]] = {0: (0, [])}
        for at in range(self.query.terms):
            if at not in best:
                continue
            cost, path = best[at]
            for end, place in self._ways(kept, at):
                total, longer = cost, path
                if place is not None:
                    node = self.query.nodes[place]
                    found = _spots(places, node)
                    if found is None:
                        continue
                    total += found[0] + node.cost
                    longer = [*path, (node, found[0] + node.cost, found[1])]
                if end not in best or total < best[end][0]:
                    best[end] = (total, longer)
        return best[self.query.terms][1]

    def _words(self, kept: tuple[int, ...]) -> Rank:
        quoted = sum(len(node.original) for node in self.query.nodes if node.quoted)
        most = 1 + max(quoted - 1, 0) + sum(map(len, self._groups))
        return Rank(most - (self.query.terms - len(kept)), most)

    def _most_typos(self, kept: tuple[int, ...]) -> int:
        """Return the worst that a way through the nodes costs, of those that lead to documents.

        Where all terms are asked for the server does not look for documents.
        """
        if kept not in self._costs:
            self._costs[kept] = max(self._path_costs(kept, 0, self.universe), default=0)
        return self._costs[kept]

    def _path_costs(self, kept: tuple[int, ...], at: int, held: BitMap) -> Iterator[int]:
        if at == self.query.terms:
            yield 0
            return
        for end, place in self._ways(kept, at):
            left = held
            if place is not None and self.strategy != "all":
                left = held & self.found[place]
            if left:
                cost = 0 if place is None else self.query.nodes[place].most_typos
                for more in self._path_costs(kept, end, left):
                    yield cost + more

    def _proximity(self, nodes: list[Node], spots: list[list[Spot]]) -> tuple[int, int]:
        near, farthest = 0, 0
        for place, node in enumerate(nodes):
            near += node.length - 1
            farthest += node.length - 1
            if place and nodes[place - 1].last + 1 == node.first and _touch(nodes[place - 1], node):
                near += min(_apart(a, b) for a in spots[place - 1] for b in spots[place])
                farthest += FARTHEST - 1
        return near, farthest

    def _exact(self, places: Places, nodes: list[Node], kept: tuple[int, ...]) -> tuple[str, int]:
        if kept != tuple(range(len(kept))) or any(node.length > 1 for node in nodes):
            return "noExactMatch", 1
        best = ("noExactMatch", 1)
        for found in places.values():
            there = all(
                node.position + n in found.get(word, ())
                for node in nodes
                for n, word in enumerate(node.original)
            )
            if there:
                size = sum(len(spots) for spots in found.values())
                if size == sum(len(node.original) for node in nodes):
                    return "exactMatch", 3
                best = ("matchesStart", 2)
        return best


def _touch(before: Node, node: Node) -> bool:
    width = len(before.original)
    return before.position + width == node.position


def _spots(places: Places, node: Node) -> tuple[int, list[Spot]] | None:
    """Return the fewest typos with which a node stands in a document, and where."""
    found: dict[int, list[Spot]] = {}
    for name, words in places.items():
        for word in node.words.keys() & words.keys():
            spots = found.setdefault(node.words[word], [])
            spots += [Spot(name, spot, spot) for spot in words[word]]
        for phrase, typos in node.phrases.items():
            starts = phrase_starts(words, phrase)
            if starts:
                spots = found.setdefault(typos, [])
                spots += [Spot(name, start, start + len(phrase) - 1) for start in starts]
    return min(found.items(), key=lambda item: item[0]) if found else None


def _apart(left: Spot, right: Spot) -> int:
    if left.attribute != right.attribute or left.last == right.first:
        return FARTHEST - 1
    ahead = right.first - left.last
    return min(ahead if ahead > 0 else 1 - ahead, FARTHEST) - 1


def _position_cost(node: Node, spot: Spot) -> int:
    distance = abs(_bucketed(spot.first) - node.position)
    costs = (
        next((cost for cost, most in enumerate(DISTANCES) if distance + n <= most), 10)
        for n in range(node.length)
    )
    return sum(costs)


def _starts(places: Places, node: Node) -> list[Spot]:
    """Return where a node may begin: for a phrase that is wherever its first word stands."""
    if not node.quoted:
        found = _spots(places, node)
        return found[1] if found else []
    first = node.original[0]
    return [Spot(name, n, n) for name, words in places.items() for n in words.get(first, ())]


def _bucketed(position: int) -> int:
    if position < 16:
        return position
    return 24 if position < 24 else 1 << (position - 1).bit_length()


def _has_exactly(places: Places, node: Node) -> bool:
    if node.quoted:
        return True
    if node.length > 1:
        return False
    word = node.original[0]
    return any(word in words for words in places.values())


def sort_values(document: dict[str, Any], attribute: str) -> Any:
    """Return the value by which a document is sorted, or None."""
    value: Any = document
    for name in attribute.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
