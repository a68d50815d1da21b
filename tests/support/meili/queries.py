"""A query as terms: words with their typos, prefixes and synonyms, phrases, what must be absent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.support.meili.distance import osa_distance
from tests.support.meili.index import LONGEST_WORD, Index
from tests.support.meili.tokens import Token

MOST_WORDS = 10
# A hard separator in a query sets the words around it further apart.
QUERY_GAP = 7
LONGEST_NGRAM = 3
MOST_PREFIXES = 1000
MOST_ONE_TYPO = 150
MOST_TWO_TYPOS = 50


@dataclass
class Node:
    """One way to read the terms `first` to `last`: a word, words joined, or a phrase.

    `words` are the single words that it may be, with the typos of each; `phrases` the phrases.
    """

    first: int
    last: int
    position: int
    original: tuple[str, ...]
    quoted: bool = False
    prefix: bool = False
    typos: int = 0
    words: dict[str, int] = field(default_factory=dict)
    phrases: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def cost(self) -> int:
        """What joining words costs, in typos."""
        return 0 if self.length == 1 else self.length

    @property
    def most_typos(self) -> int:
        """What the node costs at worst; words may be split at the cost of one."""
        return self.cost + max(self.typos, int(not self.quoted))


@dataclass
class Query:
    """A parsed query; `nodes` holds single terms first, then joined ones."""

    terms: int
    nodes: list[Node]
    absent_words: list[str]
    absent_phrases: list[tuple[str, ...]]

    @property
    def empty(self) -> bool:
        return self.terms == 0


@dataclass
class _Draft:
    terms: list[Node] = field(default_factory=list)
    absent_words: list[str] = field(default_factory=list)
    absent_phrases: list[tuple[str, ...]] = field(default_factory=list)
    phrase: list[tuple[str, int]] | None = None
    negative: bool = False
    position: int = -1
    after_space: bool = True
    minus: bool = False

    def word(self, token: Token, last: bool) -> None:
        self.position += 1
        if self.phrase is not None:
            self.phrase.append((token.word, self.position))
        elif self.minus:
            self.absent_words.append(token.word)
            self.minus = False
        elif last or not token.stop:
            place = len(self.terms)
            self.terms.append(Node(place, place, self.position, (token.word,), prefix=last))

    def separator(self, token: Token) -> None:
        if token.hard:
            self.position += QUERY_GAP
            if self.phrase is not None:
                self.close()
                self.phrase = []
        for _ in range(token.text.count('"')):
            if self.phrase is None:
                self.phrase, self.negative = [], self.minus
            else:
                self.close()
                self.negative = False
        self.minus = self.phrase is None and token.text == "-" and self.after_space

    def close(self) -> None:
        phrase, self.phrase = self.phrase, None
        if not phrase:
            return
        words = tuple(word for word, _ in phrase)
        if self.negative:
            self.absent_phrases.append(words)
        else:
            place = len(self.terms)
            self.terms.append(Node(place, place, phrase[0][1], words, quoted=True))


def parse_query(index: Index, text: str) -> Query:
    """Read a query and derive what each of its terms may be in this index."""
    tokens = index.tokenizer.split(text)
    draft = _Draft()
    for place, token in enumerate(tokens):
        if len(draft.terms) >= MOST_WORDS:
            break
        if token.word:
            draft.word(token, last=place == len(tokens) - 1)
        else:
            draft.separator(token)
        draft.after_space = token.text[-1].isspace()
    draft.close()
    terms = draft.terms
    nodes = [*terms, *_ngrams(terms)]
    synonyms = _synonyms(index)
    for node in nodes:
        _derive(index, node, synonyms)
    return Query(len(terms), nodes, draft.absent_words, draft.absent_phrases)


def _ngrams(terms: list[Node]) -> Iterable[Node]:
    for length in range(2, LONGEST_NGRAM + 1):
        for first in range(len(terms) - length + 1):
            joined = terms[first : first + length]
            positions = [node.position for node in joined]
            together = positions == list(range(positions[0], positions[0] + length))
            if together and not any(node.quoted for node in joined):
                words = tuple(node.original[0] for node in joined)
                last = first + length - 1
                yield Node(first, last, positions[0], words, prefix=joined[-1].prefix)


def _synonyms(index: Index) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for words, others in index.settings["synonyms"].items():
        key = index.tokenizer.words(words)
        found.setdefault(key, []).extend(index.tokenizer.words(other) for other in others)
    return found


def _derive(
    index: Index, node: Node, synonyms: dict[tuple[str, ...], list[tuple[str, ...]]]
) -> None:
    if node.quoted:
        node.phrases[node.original] = 0
        return
    word = "".join(node.original)
    if len(word.encode()) > LONGEST_WORD:
        return
    node.prefix = node.prefix and index.settings["prefixSearch"] != "disabled"
    node.typos = max(_typos_allowed(index.settings["typoTolerance"], word) - node.length + 1, 0)
    for other in synonyms.get(node.original, []):
        if len(other) == 1:
            node.words[other[0]] = 0
        elif other:
            node.phrases[other] = 0
    if node.prefix:
        node.words.update(dict.fromkeys(index.with_prefix(word)[:MOST_PREFIXES], 0))
    elif index.having(word, index.words):
        node.words[word] = 0
    for derived, typos in _misspelt(index, word, node.typos, node.prefix).items():
        node.words.setdefault(derived, typos)
    split = _split(index, word)
    if split is not None and split != node.original:
        node.phrases.setdefault(split, 1)


def _typos_allowed(tolerance: dict[str, Any], word: str) -> int:
    sizes = tolerance["minWordSizeForTypos"]
    exact = {text.lower() for text in tolerance["disableOnWords"]}
    if not tolerance["enabled"] or len(word) < sizes["oneTypo"] or word in exact:
        return 0
    return 1 if len(word) < sizes["twoTypos"] else 2


def _misspelt(index: Index, word: str, allowed: int, prefix: bool) -> dict[str, int]:
    """Return the words within the allowed typos; one in the first letter counts two."""
    if not allowed:
        return {}
    found: dict[str, int] = {}
    counts = {1: MOST_ONE_TYPO, 2: MOST_TWO_TYPOS}
    for other in index.by_first.get(word[0], []):
        if len(other) < len(word) - allowed or (not prefix and len(other) > len(word) + allowed):
            continue
        typos = osa_distance(word, other, allowed, prefix)
        if 0 < typos <= allowed and counts[typos]:
            counts[typos] -= 1
            found[other] = typos
    if allowed > 1:
        found.update(dict.fromkeys(_other_first(index, word, prefix)[: counts[2]], 2))
    return found


def _other_first(index: Index, word: str, prefix: bool) -> list[str]:
    swapped = word[1] + word[0] + word[2:]
    heads = {word[1:], swapped, *(c + word for c in index.by_first)}
    heads |= {c + word[1:] for c in index.by_first}
    others: set[str] = set()
    for head in heads:
        if head[0] == word[0]:
            continue
        others.update(index.with_prefix(head) if prefix else index.with_prefix(head)[:1])
    known = index.by_first
    return sorted(
        other for other in others if other in known.get(other[0], ()) and (prefix or other in heads)
    )


def _split(index: Index, word: str) -> tuple[str, str] | None:
    """Return the two words side by side that a word is most often written as."""
    best: tuple[int, tuple[str, str]] | None = None
    for place in range(1, len(word)):
        pair = (word[:place], word[place:])
        count = len(phrase_documents(index, pair, index.words))
        if count and (best is None or count > best[0]):
            best = (count, pair)
    return best[1] if best else None


def phrase_documents(index: Index, words: tuple[str, ...], attributes: Iterable[str]) -> list[int]:
    """Return the documents that have words side by side in one of the attributes."""
    found = []
    for name in attributes:
        sets = index.words[name]
        both = sets.get(words[0])
        for word in words[1:]:
            both = both & sets.get(word)
        found += [number for number in both if phrase_starts(index.places(number)[name], words)]
    return found


def phrase_starts(places: dict[str, list[int]], words: tuple[str, ...]) -> list[int]:
    """Return where a phrase begins among the places of one attribute."""
    later = [set(places.get(word, ())) for word in words[1:]]
    return [
        start
        for start in places.get(words[0], ())
        if all(start + n in spots for n, spots in enumerate(later, 1))
    ]
