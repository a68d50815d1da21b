"""The filter language: expressions as trees, and what is said about those that do not parse."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.support.meili.errors import MeiliError

KEYWORDS = frozenset(
    {"AND", "OR", "IN", "NOT", "TO", "EXISTS", "IS", "NULL", "EMPTY", "CONTAINS", "STARTS", "WITH"}
)
DEEPEST = 150
OPERATIONS = (
    "Was expecting an operation `=`, `!=`, `>=`, `>`, `<=`, `<`, `IN`, `NOT IN`, `TO`, `EXISTS`, "
    "`NOT EXISTS`, `IS NULL`, `IS NOT NULL`, `IS EMPTY`, `IS NOT EMPTY`, `CONTAINS`, "
    "`NOT CONTAINS`, `STARTS WITH`, `NOT STARTS WITH`, `_geoRadius`, `_geoBoundingBox` or "
    "`_geoPolygon` "
)
_WORD = re.compile(r"[\w.-]+")
_OPERATOR = re.compile(r"<=|>=|!=|<|>|=")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A name or value, and the column in which it began."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute compared with values; `operator` as it is written, IN and TO among them."""

    attribute: Piece
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Negation:
    """What must not hold."""

    inner: "Filter"


@dataclass(frozen=True, slots=True)
class Group:
    """Filters of which all, or any, must hold."""

    word: str
    parts: tuple["Filter", ...]


Filter = Condition | Negation | Group


class FilterError(Exception):
    """An expression that does not parse; the message has the place."""


def parse(text: str) -> Filter | None:
    """Parse an expression; None for an empty one."""
    return _Parser(text).whole() if text.strip() else None


def parse_any(value: Any, code: str) -> tuple[Filter | None, str]:
    """Parse a filter given as a string or as lists (all of them, any of the inner ones)."""
    try:
        if isinstance(value, str):
            return parse(value), value
        if isinstance(value, list):
            return _parse_list(value, code), json.dumps(value)
    except FilterError as error:
        raise MeiliError(code, str(error)) from None
    message = "Invalid syntax for the filter parameter: `expected String, Array, found: "
    raise MeiliError(code, f"{message}{json.dumps(value)}`.")


def _parse_list(value: list[Any], code: str) -> Filter | None:
    parts: list[Filter] = []
    for item in value:
        inner = item if isinstance(item, list) else [item]
        if not all(isinstance(text, str) for text in inner):
            message = "Invalid syntax for the filter parameter: `expected String, found: "
            raise MeiliError(code, f"{message}{json.dumps(item)}`.")
        either = [parsed for text in inner if (parsed := parse(text)) is not None]
        if either:
            parts.append(either[0] if len(either) == 1 else Group("OR", tuple(either)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Group("AND", tuple(parts))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def whole(self) -> Filter:
        parsed = self._either(0)
        if self.place < len(self.text):
            rest = self.text[self.place :]
            message = (
                f"Found unexpected characters at the end of the filter: `{_shown(rest)}`. "
                "You probably forgot an `OR` or an `AND` rule."
            )
            raise self._error(message, self.place)
        return parsed

    def _either(self, depth: int) -> Filter:
        return self._joined("OR", self._all, depth)

    def _all(self, depth: int) -> Filter:
        return self._joined("AND", self._not, depth)

    def _joined(self, word: str, part: Any, depth: int) -> Filter:
        if depth > DEEPEST:
            message = (
                "The filter exceeded the maximum depth limit. Try rewriting the filter so that it "
                "contains fewer nested conditions."
            )
            raise self._error(message, self.place)
        parts = [part(depth + 1)]
        while self._keyword(word):
            parts.append(part(depth + 1))
        return parts[0] if len(parts) == 1 else Group(word, tuple(parts))

    def _not(self, depth: int) -> Filter:
        if self._keyword("NOT"):
            inner = self._not(depth + 1)
            return inner.inner if isinstance(inner, Negation) else Negation(inner)
        return self._primary(depth)

    def _primary(self, depth: int) -> Filter:
        self._spaces()
        opened = self.place
        if self._sign("("):
            inner = self._either(depth + 1)
            self._spaces()
            if not self._sign(")"):
                raise self._unclosed(")", opened)
            self._spaces()
            return inner
        start = self.place
        word = _WORD.match(self.text, start)
        if word is not None and word.group() in KEYWORDS:
            raise self._no_value(start, word.group())
        try:
            attribute = self._value()
        except FilterError:
            if self._quoted_at(start):
                raise
            raise self._no_operation(start) from None
        return self._condition(attribute, start)

    def _condition(self, attribute: Piece, start: int) -> Filter:
        match = _OPERATOR.match(self.text, self.place)
        if match:
            self.place = match.end()
            return Condition(attribute, match.group(), (self._value().text,))
        negated = self._keyword("NOT")
        for word, read in (("IN", self._list), ("EXISTS", tuple)):
            if self._keyword(word):
                return _maybe(negated, Condition(attribute, word, read()))
        if not negated and self._keyword("IS"):
            negated = self._keyword("NOT")
            for word in ("NULL", "EMPTY"):
                if self._keyword(word):
                    return _maybe(negated, Condition(attribute, word))
            raise self._no_operation(start)
        if self._keyword("STARTS") and self._keyword("WITH"):
            return _maybe(negated, Condition(attribute, "STARTS WITH", (self._value().text,)))
        if not negated:
            return self._range(attribute, start)
        raise self._no_operation(start)

    def _range(self, attribute: Piece, start: int) -> Filter:
        try:
            low = self._value()
        except FilterError:
            raise self._no_operation(start) from None
        if not self._keyword("TO") or self.place == len(self.text):
            raise self._no_operation(start)
        return Condition(attribute, "TO", (low.text, self._value().text))

    def _list(self) -> tuple[str, ...]:
        self._spaces()
        if not self._sign("["):
            raise self._error("Expected `[` after `IN` keyword.", self.place)
        values: list[str] = []
        while True:
            self._spaces()
            if self._sign("]"):
                self._spaces()
                return tuple(values)
            if values and not self._sign(","):
                raise self._bad_list()
            self._spaces()
            if self._sign("]"):
                self._spaces()
                return tuple(values)
            try:
                values.append(self._value().text)
            except FilterError:
                if self._quoted_at(self.place):
                    raise
                raise self._bad_list() from None

    def _value(self) -> Piece:
        self._spaces()
        start = self.place
        if start < len(self.text) and self.text[start] in "'\"":
            return self._quoted(self.text[start], start)
        match = _WORD.match(self.text, start)
        if match is None or match.group() in KEYWORDS:
            raise self._no_value(start, match.group() if match else None)
        self.place = match.end()
        self._spaces()
        return Piece(match.group(), start + 1)

    def _quoted(self, quote: str, start: int) -> Piece:
        end = start + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise self._unclosed(quote, start)
        self.place = end + 1
        self._spaces()
        raw = self.text[start + 1 : end].replace(f"\\{quote}", quote)
        return Piece(_unescaped(raw), start + 2)

    def _keyword(self, word: str) -> bool:
        self._spaces()
        match = _WORD.match(self.text, self.place)
        if match is None or match.group() != word:
            return False
        self.place = match.end()
        self._spaces()
        return True

    def _sign(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.place):
            return False
        self.place += 1
        return True

    def _spaces(self) -> None:
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1

    def _quoted_at(self, place: int) -> bool:
        return place < len(self.text) and self.text[place] in "'\""

    def _error(self, message: str, start: int, end: int | None = None) -> FilterError:
        last = len(self.text) if end is None else end
        return FilterError(f"{message}\n{start + 1}:{last + 1} {self.text}")

    def _no_value(self, start: int, keyword: str | None) -> FilterError:
        rest = re.match(r"[^\s()=<>!]*", self.text[start:])
        word = keyword or (rest.group() if rest else "")
        end = start + len(word)
        if not word.strip():
            message = "Was expecting a value but instead got nothing."
        elif keyword:
            message = (
                f"Was expecting a value but instead got `{word}`, which is a reserved keyword. "
                f"To use `{word}` as a field name or a value, surround it by quotes."
            )
        else:
            message = f"Was expecting a value but instead got `{_shown(word)}`."
        return self._error(message, start, end)

    def _no_operation(self, start: int) -> FilterError:
        rest = self.text[start:]
        found = f"at `{_shown(rest)}`." if rest.strip() else "but instead got nothing."
        return self._error(OPERATIONS + found, start)

    def _unclosed(self, sign: str, start: int) -> FilterError:
        rest = self.text[start:]
        message = (
            f"Expression `{_shown(rest)}` is missing the following closing delimiter: `{sign}`."
        )
        return self._error(message, start)

    def _bad_list(self) -> FilterError:
        rest = self.text[self.place :]
        if not rest.strip():
            message = "Expected matching `]` after the list of field names given to `IN[`"
        else:
            message = (
                "Expected only comma-separated field names inside `IN[..]` but instead found "
                f"`{_shown(rest)}`."
            )
        return self._error(message, self.place)


def _maybe(negated: bool, condition: Condition) -> Filter:
    return Negation(condition) if negated else condition


def _shown(text: str) -> str:
    """Return a piece of a filter as messages show it."""
    return re.sub(r"([\\\"'])", r"\\\1", text).replace("\n", "\\n")


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else _ESCAPES.get(match[3], match[3])

    return _ESCAPED.sub(one, text)
