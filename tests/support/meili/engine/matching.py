"""Finds the documents that match a query, grouped by the terms that they contain."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from pyroaring import BitMap

from tests.support.meili.engine.index import Index
from tests.support.meili.engine.query_terms import Query, QueryNode, documents_with_phrase

# Sorts terms that no document contains first when terms are dropped by frequency.
UNKNOWN_TERM_FREQUENCY = 1 << 62


@dataclass(frozen=True, slots=True)
class MatchLevel:
    """Documents that contain these terms of the query, and at no earlier level more of them."""

    terms: tuple[int, ...]
    documents: BitMap


class QueryMatcher:
    """Matches one query in some attributes of one index.

    `strategy` decides which terms a document may lack: `last`, `all` (none) or `frequency`.
    """

    def __init__(self, index: Index, query: Query, attributes: Iterable[str], strategy: str):
        self.index = index
        self.query = query
        self.attributes = [name for name in index.words if name in set(attributes)]
        self.strategy = strategy
        self.node_documents = [self._documents_of(node) for node in query.nodes]
        self.candidates = index.all_documents

    def documents_with_excluded_words(self) -> BitMap:
        found = BitMap()
        for word in self.query.excluded_words:
            found |= self.index.documents_with_word(word, self.attributes)
        for phrase in self.query.excluded_phrases:
            found |= BitMap(documents_with_phrase(self.index, phrase, self.attributes))
        return found

    def levels(self, candidates: BitMap) -> list[MatchLevel]:
        """Return the matching documents among the candidates, those with most terms first."""
        levels = []
        self.candidates = remaining = candidates
        for dropped in self._droppable_terms():
            terms = tuple(n for n in range(self.query.term_count) if n not in dropped)
            documents = self._documents_with(terms) & remaining
            if documents:
                levels.append(MatchLevel(terms, documents))
                remaining = remaining - documents
        return levels

    def next_steps(self, terms: tuple[int, ...], at: int) -> Iterator[tuple[int, int | None]]:
        """Yield the steps from term `at`: the next term, and the node that leads there.

        The node is None where a term that is not among `terms` is skipped. A node is usable if any
        of its terms is among `terms`.
        """
        if at not in terms:
            yield at + 1, None
        for number, node in enumerate(self.query.nodes):
            if node.first == at and any(n in terms for n in range(at, node.last + 1)):
                yield node.last + 1, number

    @cached_property
    def dropped_groups(self) -> list[list[int]]:
        """The groups of terms that documents may lack, in the order in which they are dropped."""
        if self.strategy == "all":
            return []
        term_nodes = self.query.nodes[: self.query.term_count]
        droppable = [n for n, node in enumerate(term_nodes) if not node.quoted]
        if self.strategy == "last":
            groups = [[n] for n in reversed(droppable)]
        else:
            frequencies = {n: self._frequency(n) for n in droppable}
            ordered = sorted(set(frequencies.values()), reverse=True)
            groups = [
                [n for n in droppable if frequencies[n] == frequency] for frequency in ordered
            ]
        return groups[:-1] if len(droppable) == len(term_nodes) else groups

    def _documents_of(self, node: QueryNode) -> BitMap:
        found = BitMap()
        for name in self.attributes:
            postings = self.index.words[name]
            found |= BitMap.union(BitMap(), *(postings.get(word) for word in node.words))
        for phrase in node.phrases:
            found |= BitMap(documents_with_phrase(self.index, phrase, self.attributes))
        return found

    def _droppable_terms(self) -> Iterator[frozenset[int]]:
        """Yield the sets of terms that documents may lack, smaller sets first."""
        yield frozenset()
        dropped: frozenset[int] = frozenset()
        for group in self.dropped_groups:
            for size in range(1, len(group) + 1):
                for missing in itertools.combinations(group, size):
                    yield dropped | frozenset(missing)
            dropped |= frozenset(group)

    def _frequency(self, term: int) -> int:
        documents = (
            self.node_documents[number]
            for number, node in enumerate(self.query.nodes)
            if node.first <= term <= node.last
        )
        return len(BitMap.union(BitMap(), *documents)) or UNKNOWN_TERM_FREQUENCY

    def _documents_with(self, terms: tuple[int, ...]) -> BitMap:
        """Return the documents in which some path of nodes covers the terms."""
        reached: dict[int, BitMap] = {0: self.index.all_documents}
        for at in range(self.query.term_count):
            documents = reached.get(at)
            if documents:
                for end, node in self.next_steps(terms, at):
                    found = documents if node is None else documents & self.node_documents[node]
                    reached[end] = reached.get(end, BitMap()) | found
        return reached.get(self.query.term_count, BitMap())
