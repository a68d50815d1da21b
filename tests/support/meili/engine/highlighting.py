"""Highlights and crops the texts of hits, and finds the positions of the matches."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.meili.engine.index import Index
from tests.support.meili.engine.query_terms import Query, QueryNode
from tests.support.meili.engine.tokens import Token, fold


class Match(NamedTuple):
    """Matching tokens from `first` to `last`; the first `length` characters are highlighted.

    `term` is the position of the matching term in the query.
    """

    first: int
    last: int
    length: int
    term: int


class Format(NamedTuple):
    """How an attribute is formatted: highlighted, and cropped to `crop` words (None: whole)."""

    highlight: bool
    crop: int | None


UNFORMATTED = Format(highlight=False, crop=None)


@dataclass(frozen=True, slots=True)
class FormatMarks:
    """The marks of a request: around a match, and in place of what was cropped."""

    pre: str
    post: str
    ellipsis: str


class Highlighter:
    """Finds the words of a query in texts, and marks them."""

    def __init__(self, index: Index, query: Query) -> None:
        self.tokenizer = index.tokenizer
        self.nodes = sorted(query.nodes, key=lambda node: (node.prefix, -node.length))

    def matches(self, tokens: list[Token]) -> list[Match]:
        found: list[Match] = []
        position = 0
        while position < len(tokens):
            match = self._match_at(tokens, position) if tokens[position].word else None
            if match:
                found.append(match)
                position = match.last
            position += 1
        return found

    def _match_at(self, tokens: list[Token], position: int) -> Match | None:
        for node in self.nodes:
            for phrase in node.phrases:
                last = _phrase_end(tokens, position, phrase)
                if last is not None:
                    length = tokens[last].end - tokens[position].start
                    return Match(position, last, length, node.first)
        for node in self.nodes:
            length = _matching_length(node, tokens[position])
            if length:
                return Match(position, position, length, node.first)
        return None

    def match_bounds(self, text: str, indices: list[int]) -> list[dict[str, Any]]:
        """Return the byte offset and length of each match."""
        tokens = self.tokenizer.split(text)
        found = []
        for match in self.matches(tokens):
            start = tokens[match.first].start
            matched = text[start : start + match.length]
            bound: dict[str, Any] = {
                "start": len(text[:start].encode()),
                "length": len(matched.encode()),
            }
            found.append({**bound, "indices": indices} if indices else bound)
        return found

    def match_bounds_of_value(self, value: Any, at: tuple[int, ...] = ()) -> list[dict[str, Any]]:
        """Return the matches in a value; of a list, those in its last matching text."""
        if isinstance(value, list):
            found = (
                self.match_bounds_of_value(item, (*at, index)) for index, item in enumerate(value)
            )
            return next((bounds for bounds in reversed(list(found)) if bounds), [])
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return self.match_bounds(str(value), list(at))
        return []

    def formatter(self, attribute_format: Format, marks: FormatMarks) -> Callable[[str], str]:
        return lambda text: self.format(text, attribute_format, marks)

    def format(self, text: str, attribute_format: Format, marks: FormatMarks) -> str:
        if not attribute_format.highlight and attribute_format.crop is None:
            return text
        tokens = self.tokenizer.split(text)
        matches = self.matches(tokens)
        start, end = 0, len(text)
        if attribute_format.crop:
            start, end = _crop(tokens, matches, attribute_format.crop, len(text))
        parts = [marks.ellipsis if start > 0 else ""]
        written_to = start
        for match in matches if attribute_format.highlight else []:
            first = max(tokens[match.first].start, start)
            last = min(tokens[match.last].end, end)
            if first >= last:
                continue
            marked_to = min(first + match.length, last)
            parts += [text[written_to:first], marks.pre, text[first:marked_to], marks.post]
            parts.append(text[marked_to:last])
            written_to = last
        parts += [text[written_to:end], marks.ellipsis if end < len(text) else ""]
        return "".join(parts)


def _phrase_end(tokens: list[Token], start: int, phrase: tuple[str, ...]) -> int | None:
    """Return the last token of a phrase that begins at `start`, None if it does not."""
    words = iter(phrase)
    wanted = next(words, None)
    for position in range(start, len(tokens)):
        if not tokens[position].word:
            continue
        if tokens[position].word != wanted:
            return None
        wanted = next(words, None)
        if wanted is None:
            return position
    return None


def _matching_length(node: QueryNode, token: Token) -> int:
    """Return how many characters of a token match a query node."""
    if node.quoted:
        return 0
    original = "".join(node.original)
    if node.prefix and (token.word in node.words or token.word.startswith(original)):
        return _original_length(token.text, len(original))
    return len(token.text) if token.word in node.words or token.word == original else 0


def _original_length(text: str, folded: int) -> int:
    """Return how many characters of a text have a folded form of at least this length."""
    for length in range(1, len(text)):
        if len(fold(text[:length])) >= folded:
            return length
    return len(text)


def _crop(tokens: list[Token], matches: list[Match], size: int, length: int) -> tuple[int, int]:
    """Return start and end of about `size` words around the best matches."""
    first, last = _best_interval(tokens, matches, size) if matches else (0, -1)
    remaining = size - sum(1 for token in tokens[first : last + 1] if token.word)
    before, after = first - 1, last + 1
    while remaining > 0 and (before >= 0 or after < len(tokens)):
        remaining, before, after = _grow(tokens, remaining, before, after)
    start = tokens[before].end if before >= 0 else 0
    end = tokens[after].start if after < len(tokens) else length
    return start, end


def _grow(tokens: list[Token], remaining: int, before: int, after: int) -> tuple[int, int, int]:
    """Add the token on one or both sides: words first, then separators, hard ones last."""
    previous = tokens[before] if before >= 0 else None
    following = tokens[after] if after < len(tokens) else None
    if previous is None or following is None:
        back, ahead = previous is not None, following is not None
    elif previous.word or following.word:
        back = bool(previous.word)
        ahead = bool(following.word) and (remaining > 1 or not back)
    elif previous.hard == following.hard:
        back, ahead = True, remaining > 1
    else:
        back, ahead = following.hard, previous.hard
    words = int(bool(back and previous and previous.word))
    words += bool(ahead and following and following.word)
    return remaining - words, before - back, after + ahead


def _best_interval(tokens: list[Token], matches: list[Match], size: int) -> tuple[int, int]:
    """Return the first and last token of the best-scoring matches within `size` words."""
    word_tokens = [index for index, token in enumerate(tokens) if token.word]
    word_number = {index: number for number, index in enumerate(word_tokens)}
    candidates: list[tuple[int, int]] = []
    first = 0
    for last, match in enumerate(matches):
        if word_number[match.last] - word_number[matches[first].first] < size:
            continue
        if last:
            candidates.append((first, last - 1))
        first += 1
        while (
            first < len(matches) - 1
            and word_number[match.last] - word_number[matches[first].first] >= size
        ):
            first += 1
        first = min(first, len(matches) - 1)
    last = len(matches) - 1
    width = word_number[matches[first].last] - word_number[matches[first].first] + 1
    if first != last or width < size:
        candidates.append((first, last))
    best = max(
        candidates,
        key=lambda pair: _interval_score(matches[pair[0] : pair[1] + 1], word_number),
        default=(0, 0),
    )
    return matches[best[0]].first, matches[best[1]].last


def _interval_score(matches: list[Match], word_number: dict[int, int]) -> tuple[int, int, int]:
    """Return a score: how many terms match, how near to each other, and how often in order."""
    near, ordered = 0, 0
    for match in matches:
        width = word_number[match.last] - word_number[match.first]
        near, ordered = near - width, ordered + width
    for match, following in itertools.pairwise(matches):
        near -= min(word_number[following.first] - word_number[match.last], 7)
        ordered += following.term > match.term
    return len({match.term for match in matches}), near, ordered


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with `change` applied to its texts and to its numbers as texts."""
    if isinstance(value, dict):
        return {key: map_texts(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [map_texts(item, change) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return change(value if isinstance(value, str) else str(value))


def attribute_formats(
    names: Iterable[str], highlight: list[str], crop: list[str], default_crop: int
) -> dict[str, Format]:
    """Return the format of each displayed attribute that is highlighted or cropped."""
    formats: dict[str, Format] = {}
    sizes: dict[str, int] = {}
    for attribute in crop:
        name, colon, size = attribute.rpartition(":")
        sizes[name if colon else attribute] = (
            int(size) if colon and size.isdigit() else default_crop
        )
    for name in names:
        highlighted = "*" in highlight or name in highlight
        crop_size = sizes.get(name, sizes.get("*"))
        if highlighted or crop_size is not None:
            formats[name] = Format(highlighted, crop_size)
    return formats
