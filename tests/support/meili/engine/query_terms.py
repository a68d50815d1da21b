"""Parses a query into terms, and finds the words and phrases of an index that each may match."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.support.meili.edit_distance import osa_distance
from tests.support.meili.engine.index import MAX_WORD_BYTES, Index
from tests.support.meili.engine.tokens import Token

MAX_TERMS = 10
# A hard separator in a query increases the distance between the words around it.
QUERY_SENTENCE_GAP = 7
MAX_NGRAM_TERMS = 3
MAX_PREFIX_WORDS = 1000
MAX_ONE_TYPO_WORDS = 150
MAX_TWO_TYPO_WORDS = 50

Phrase = tuple[str, ...]
SynonymPhrases = dict[Phrase, list[Phrase]]


@dataclass
class QueryNode:
    """One reading of the terms `first` to `last`: a word, joined words, or a phrase.

    `position` is the position of the first word in the query. `words` maps each single word that
    matches to its number of typos, and `phrases` each phrase.
    """

    first: int
    last: int
    position: int
    original: Phrase
    quoted: bool = False
    prefix: bool = False
    max_word_typos: int = 0
    words: dict[str, int] = field(default_factory=dict)
    phrases: dict[Phrase, int] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """The number of terms."""
        return self.last - self.first + 1

    @property
    def joining_cost(self) -> int:
        """The cost of joining terms to one word, in typos."""
        return 0 if self.length == 1 else self.length

    @property
    def max_typos(self) -> int:
        """The highest cost of the node; splitting a word costs one typo."""
        return self.joining_cost + max(self.max_word_typos, int(not self.quoted))


@dataclass
class Query:
    """A parsed query; `nodes` holds one node for each term first, then those of joined terms.

    Documents with an excluded word or phrase do not match.
    """

    term_count: int
    nodes: list[QueryNode]
    excluded_words: list[str]
    excluded_phrases: list[Phrase]

    @property
    def empty(self) -> bool:
        return self.term_count == 0


@dataclass
class _QueryBuilder:
    """Collects terms from tokens; `phrase` is the quoted phrase that is open, if any."""

    terms: list[QueryNode] = field(default_factory=list)
    excluded_words: list[str] = field(default_factory=list)
    excluded_phrases: list[Phrase] = field(default_factory=list)
    phrase: list[tuple[str, int]] | None = None
    phrase_is_excluded: bool = False
    position: int = -1
    after_space: bool = True
    after_minus: bool = False

    def add_word(self, token: Token, is_last: bool) -> None:
        self.position += 1
        if self.phrase is not None:
            self.phrase.append((token.word, self.position))
        elif self.after_minus:
            self.excluded_words.append(token.word)
            self.after_minus = False
        elif is_last or not token.stop:
            number = len(self.terms)
            self.terms.append(
                QueryNode(number, number, self.position, (token.word,), prefix=is_last)
            )

    def add_separator(self, token: Token) -> None:
        if token.hard:
            self.position += QUERY_SENTENCE_GAP
            if self.phrase is not None:
                self.close_phrase()
                self.phrase = []
        for _ in range(token.text.count('"')):
            if self.phrase is None:
                self.phrase, self.phrase_is_excluded = [], self.after_minus
            else:
                self.close_phrase()
                self.phrase_is_excluded = False
        self.after_minus = self.phrase is None and token.text == "-" and self.after_space

    def close_phrase(self) -> None:
        phrase, self.phrase = self.phrase, None
        if not phrase:
            return
        words = tuple(word for word, _ in phrase)
        if self.phrase_is_excluded:
            self.excluded_phrases.append(words)
        else:
            number = len(self.terms)
            self.terms.append(QueryNode(number, number, phrase[0][1], words, quoted=True))


def parse_query(index: Index, text: str) -> Query:
    """Parse a query, and find what each of its nodes matches in an index."""
    tokens = index.tokenizer.split(text)
    builder = _QueryBuilder()
    for number, token in enumerate(tokens):
        if len(builder.terms) >= MAX_TERMS:
            break
        if token.word:
            builder.add_word(token, is_last=number == len(tokens) - 1)
        else:
            builder.add_separator(token)
        builder.after_space = token.text[-1].isspace()
    builder.close_phrase()
    terms = builder.terms
    nodes = [*terms, *_joined_terms(terms)]
    synonyms = _synonym_phrases(index)
    for node in nodes:
        _find_matches(index, node, synonyms)
    return Query(len(terms), nodes, builder.excluded_words, builder.excluded_phrases)


def _joined_terms(terms: list[QueryNode]) -> Iterable[QueryNode]:
    """Yield a node for each run of adjacent words that may be one word."""
    for length in range(2, MAX_NGRAM_TERMS + 1):
        for first in range(len(terms) - length + 1):
            joined = terms[first : first + length]
            positions = [node.position for node in joined]
            adjacent = positions == list(range(positions[0], positions[0] + length))
            if adjacent and not any(node.quoted for node in joined):
                words = tuple(node.original[0] for node in joined)
                last = first + length - 1
                yield QueryNode(first, last, positions[0], words, prefix=joined[-1].prefix)


def _synonym_phrases(index: Index) -> SynonymPhrases:
    found: SynonymPhrases = {}
    for words, others in index.settings["synonyms"].items():
        key = index.tokenizer.words(words)
        found.setdefault(key, []).extend(index.tokenizer.words(other) for other in others)
    return found


def _find_matches(index: Index, node: QueryNode, synonyms: SynonymPhrases) -> None:
    """Fill the words and phrases of a node."""
    if node.quoted:
        node.phrases[node.original] = 0
        return
    word = "".join(node.original)
    if len(word.encode()) > MAX_WORD_BYTES:
        return
    node.prefix = node.prefix and index.settings["prefixSearch"] != "disabled"
    allowed = _allowed_typos(index.settings["typoTolerance"], word)
    node.max_word_typos = max(allowed - node.length + 1, 0)
    for other in synonyms.get(node.original, []):
        if len(other) == 1:
            node.words[other[0]] = 0
        elif other:
            node.phrases[other] = 0
    if node.prefix:
        node.words.update(dict.fromkeys(index.with_prefix(word)[:MAX_PREFIX_WORDS], 0))
    elif index.documents_with_word(word, index.words):
        node.words[word] = 0
    for similar, typos in _similar_words(index, word, node.max_word_typos, node.prefix).items():
        node.words.setdefault(similar, typos)
    split = _split_word(index, word)
    if split is not None and split != node.original:
        node.phrases.setdefault(split, 1)


def _allowed_typos(tolerance: dict[str, Any], word: str) -> int:
    sizes = tolerance["minWordSizeForTypos"]
    exact_words = {text.lower() for text in tolerance["disableOnWords"]}
    if not tolerance["enabled"] or len(word) < sizes["oneTypo"] or word in exact_words:
        return 0
    return 1 if len(word) < sizes["twoTypos"] else 2


def _similar_words(index: Index, word: str, allowed: int, prefix: bool) -> dict[str, int]:
    """Return the words within the allowed typos; a typo in the first letter counts two."""
    if not allowed:
        return {}
    found: dict[str, int] = {}
    remaining = {1: MAX_ONE_TYPO_WORDS, 2: MAX_TWO_TYPO_WORDS}
    for other in index.typo_words.get(word[0], []):
        if len(other) < len(word) - allowed or (not prefix and len(other) > len(word) + allowed):
            continue
        typos = osa_distance(word, other, allowed, prefix)
        if 0 < typos <= allowed and remaining[typos]:
            remaining[typos] -= 1
            found[other] = typos
    if allowed > 1:
        others = _words_with_another_first_letter(index, word, prefix)
        found.update(dict.fromkeys(others[: remaining[2]], 2))
    return found


def _words_with_another_first_letter(index: Index, word: str, prefix: bool) -> list[str]:
    known = index.typo_words
    swapped = word[1] + word[0] + word[2:]
    variants = {word[1:], swapped, *(letter + word for letter in known)}
    variants |= {letter + word[1:] for letter in known}
    others: set[str] = set()
    for variant in variants:
        if variant[0] == word[0]:
            continue
        with_prefix = index.with_prefix(variant)
        others.update(with_prefix if prefix else with_prefix[:1])
    return sorted(
        other
        for other in others
        if other in known.get(other[0], ()) and (prefix or other in variants)
    )


def _split_word(index: Index, word: str) -> tuple[str, str] | None:
    """Return the two words whose phrase is in most documents, if the word may be split."""
    best: tuple[int, tuple[str, str]] | None = None
    for position in range(1, len(word)):
        pair = (word[:position], word[position:])
        count = len(documents_with_phrase(index, pair, index.words))
        if count and (best is None or count > best[0]):
            best = (count, pair)
    return best[1] if best else None


def documents_with_phrase(index: Index, words: Phrase, attributes: Iterable[str]) -> list[int]:
    """Return the documents that contain a phrase in one of the attributes."""
    found = []
    for name in attributes:
        postings = index.words[name]
        documents = postings.get(words[0])
        for word in words[1:]:
            documents = documents & postings.get(word)
        found += [
            number for number in documents if phrase_starts(index.positions(number)[name], words)
        ]
    return found


def phrase_starts(positions: dict[str, list[int]], words: Phrase) -> list[int]:
    """Return the positions at which a phrase starts in one attribute."""
    following = [set(positions.get(word, ())) for word in words[1:]]
    return [
        start
        for start in positions.get(words[0], ())
        if all(start + offset in found for offset, found in enumerate(following, 1))
    ]
