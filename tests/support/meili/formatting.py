"""Hits as they are shown: highlighted and cropped texts, and where words matched."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.meili.index import Index
from tests.support.meili.queries import Node, Query
from tests.support.meili.tokens import Token, fold


class Match(NamedTuple):
    """A stretch of tokens that matched; `shown` characters of it are shown as such."""

    first: int
    last: int
    shown: int
    term: int


class Format(NamedTuple):
    """What is to be done to an attribute."""

    highlight: bool
    crop: int | None


PLAIN = Format(highlight=False, crop=None)


@dataclass(frozen=True, slots=True)
class Style:
    """The marks that a request asks for."""

    pre: str
    post: str
    marker: str


class Highlighter:
    """Finds the words of a query in texts."""

    def __init__(self, index: Index, query: Query) -> None:
        self.tokenizer = index.tokenizer
        self.nodes = sorted(query.nodes, key=lambda node: (node.prefix, -node.length))

    def matches(self, tokens: list[Token]) -> list[Match]:
        found: list[Match] = []
        place = 0
        while place < len(tokens):
            match = self._match(tokens, place) if tokens[place].word else None
            if match:
                found.append(match)
                place = match.last
            place += 1
        return found

    def _match(self, tokens: list[Token], place: int) -> Match | None:
        for node in self.nodes:
            for phrase in node.phrases:
                last = _phrase_end(tokens, place, phrase)
                if last is not None:
                    size = tokens[last].end - tokens[place].start
                    return Match(place, last, size, node.first)
        for node in self.nodes:
            shown = _shown(node, tokens[place])
            if shown:
                return Match(place, place, shown, node.first)
        return None

    def bounds(self, text: str, indices: list[int]) -> list[dict[str, Any]]:
        """Return what matched as byte offsets and lengths."""
        tokens = self.tokenizer.split(text)
        found = []
        for match in self.matches(tokens):
            start = tokens[match.first].start
            shown = text[start : start + match.shown]
            bound: dict[str, Any] = {
                "start": len(text[:start].encode()),
                "length": len(shown.encode()),
            }
            found.append({**bound, "indices": indices} if indices else bound)
        return found

    def all_bounds(self, value: Any, at: tuple[int, ...] = ()) -> list[dict[str, Any]]:
        """Return what matched in a value: of a list, in the last text that holds a match."""
        if isinstance(value, list):
            found = (self.all_bounds(item, (*at, n)) for n, item in enumerate(value))
            return next((bounds for bounds in reversed(list(found)) if bounds), [])
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return self.bounds(str(value), list(at))
        return []

    def formatter(self, wanted: Format, style: Style) -> Callable[[str], str]:
        return lambda text: self.formatted(text, wanted, style)

    def formatted(self, text: str, wanted: Format, style: Style) -> str:
        if not wanted.highlight and wanted.crop is None:
            return text
        tokens = self.tokenizer.split(text)
        matches = self.matches(tokens)
        start, end = 0, len(text)
        if wanted.crop:
            start, end = _crop(tokens, matches, wanted.crop, len(text))
        parts = [style.marker if start > 0 else ""]
        place = start
        for match in matches if wanted.highlight else []:
            first = max(tokens[match.first].start, start)
            last = min(tokens[match.last].end, end)
            if first >= last:
                continue
            shown = min(first + match.shown, last)
            parts += [text[place:first], style.pre, text[first:shown], style.post, text[shown:last]]
            place = last
        parts += [text[place:end], style.marker if end < len(text) else ""]
        return "".join(parts)


def _phrase_end(tokens: list[Token], place: int, phrase: tuple[str, ...]) -> int | None:
    words = iter(phrase)
    wanted = next(words, None)
    for n in range(place, len(tokens)):
        if not tokens[n].word:
            continue
        if tokens[n].word != wanted:
            return None
        wanted = next(words, None)
        if wanted is None:
            return n
    return None


def _shown(node: Node, token: Token) -> int:
    """Return how many characters of a token a node accounts for."""
    if node.quoted:
        return 0
    original = "".join(node.original)
    if node.prefix and (token.word in node.words or token.word.startswith(original)):
        return _original_length(token.text, len(original))
    return len(token.text) if token.word in node.words or token.word == original else 0


def _original_length(text: str, folded: int) -> int:
    for length in range(1, len(text)):
        if len(fold(text[:length])) >= folded:
            return length
    return len(text)


def _crop(tokens: list[Token], matches: list[Match], size: int, length: int) -> tuple[int, int]:
    """Return the stretch of about `size` words around the best matches."""
    first, last = _best_interval(tokens, matches, size) if matches else (0, -1)
    left = size - sum(1 for token in tokens[first : last + 1] if token.word)
    before, after = first - 1, last + 1
    while left > 0 and (before >= 0 or after < len(tokens)):
        left, before, after = _grow(tokens, left, before, after)
    start = tokens[before].end if before >= 0 else 0
    end = tokens[after].start if after < len(tokens) else length
    return start, end


def _grow(tokens: list[Token], left: int, before: int, after: int) -> tuple[int, int, int]:
    """Take in the next tokens: words first, then separators, hard ones last."""
    one = tokens[before] if before >= 0 else None
    other = tokens[after] if after < len(tokens) else None
    if one is None or other is None:
        back, ahead = one is not None, other is not None
    elif one.word or other.word:
        back = bool(one.word)
        ahead = bool(other.word) and (left > 1 or not back)
    elif one.hard == other.hard:
        back, ahead = True, left > 1
    else:
        back, ahead = other.hard, one.hard
    words = bool(back and one and one.word) + bool(ahead and other and other.word)
    return left - words, before - back, after + ahead


def _best_interval(tokens: list[Token], matches: list[Match], size: int) -> tuple[int, int]:
    """Return the tokens around the matches that tell most within `size` words."""
    words = [n for n, token in enumerate(tokens) if token.word]
    place = {n: rank for rank, n in enumerate(words)}
    candidates: list[tuple[int, int]] = []
    first = 0
    for last, match in enumerate(matches):
        if place[match.last] - place[matches[first].first] < size:
            continue
        if last:
            candidates.append((first, last - 1))
        first += 1
        while first < len(matches) - 1 and place[match.last] - place[matches[first].first] >= size:
            first += 1
        first = min(first, len(matches) - 1)
    last = len(matches) - 1
    width = place[matches[first].last] - place[matches[first].first] + 1
    if first != last or width < size:
        candidates.append((first, last))
    best = max(
        candidates,
        key=lambda pair: _interval_score(matches[pair[0] : pair[1] + 1], place),
        default=(0, 0),
    )
    return matches[best[0]].first, matches[best[1]].last


def _interval_score(matches: list[Match], place: dict[int, int]) -> tuple[int, int, int]:
    """Return how many terms matched, how near to each other, and how often in order."""
    near, ordered = 0, 0
    for match in matches:
        inner = place[match.last] - place[match.first]
        near, ordered = near - inner, ordered + inner
    for match, following in itertools.pairwise(matches):
        near -= min(place[following.first] - place[match.last], 7)
        ordered += following.term > match.term
    return len({match.term for match in matches}), near, ordered


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with its texts, and its numbers as texts, changed."""
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return change(value if isinstance(value, str) else str(value))


def formats(
    names: Iterable[str], highlight: list[str], crop: list[str], usual: int
) -> dict[str, Format]:
    """Return what is to be done to each of the displayed attributes."""
    wanted: dict[str, Format] = {}
    sizes: dict[str, int] = {}
    for attribute in crop:
        name, colon, size = attribute.rpartition(":")
        sizes[name if colon else attribute] = int(size) if colon and size.isdigit() else usual
    for name in names:
        marked = "*" in highlight or name in highlight
        size_wanted = sizes.get(name, sizes.get("*"))
        if marked or size_wanted is not None:
            wanted[name] = Format(marked, size_wanted)
    return wanted
