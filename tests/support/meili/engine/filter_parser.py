"""Parses the filter language to trees, with the error messages of the real server."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.support.meili.errors import MeiliError

KEYWORDS = frozenset(
    {"AND", "OR", "IN", "NOT", "TO", "EXISTS", "IS", "NULL", "EMPTY", "CONTAINS", "STARTS", "WITH"}
)
MAX_DEPTH = 150
EXPECTED_OPERATIONS = (
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
class Word:
    """A name or value, and the column in which it starts."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of an attribute with values; `operator` is in upper case, e.g. `=` or `IN`."""

    attribute: Word
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Negation:
    """A filter that must not match."""

    inner: "Filter"


@dataclass(frozen=True, slots=True)
class Group:
    """Filters joined by the operator AND or OR."""

    operator: str
    parts: tuple["Filter", ...]


Filter = Condition | Negation | Group


class FilterError(Exception):
    """A syntax error; the message contains its position."""


def parse(text: str) -> Filter | None:
    """Return the tree of an expression, None for an empty one."""
    return _Parser(text).parse() if text.strip() else None


def parse_filter(value: Any, code: str) -> tuple[Filter | None, str]:
    """Return the tree and the text of a filter given as a string or as a list.

    The items of a list are joined by AND, those of a list inside it by OR.
    """
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
        alternatives = [parsed for text in inner if (parsed := parse(text)) is not None]
        if alternatives:
            single = len(alternatives) == 1
            parts.append(alternatives[0] if single else Group("OR", tuple(alternatives)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Group("AND", tuple(parts))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def parse(self) -> Filter:
        parsed = self._parse_or(0)
        if self.position < len(self.text):
            rest = self.text[self.position :]
            message = (
                f"Found unexpected characters at the end of the filter: `{_escape(rest)}`. "
                "You probably forgot an `OR` or an `AND` rule."
            )
            raise self._error(message, self.position)
        return parsed

    def _parse_or(self, depth: int) -> Filter:
        return self._parse_group("OR", self._parse_and, depth)

    def _parse_and(self, depth: int) -> Filter:
        return self._parse_group("AND", self._parse_not, depth)

    def _parse_group(self, operator: str, parse_part: Any, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            message = (
                "The filter exceeded the maximum depth limit. Try rewriting the filter so that it "
                "contains fewer nested conditions."
            )
            raise self._error(message, self.position)
        parts = [parse_part(depth + 1)]
        while self._accept_keyword(operator):
            parts.append(parse_part(depth + 1))
        return parts[0] if len(parts) == 1 else Group(operator, tuple(parts))

    def _parse_not(self, depth: int) -> Filter:
        if self._accept_keyword("NOT"):
            inner = self._parse_not(depth + 1)
            return inner.inner if isinstance(inner, Negation) else Negation(inner)
        return self._parse_primary(depth)

    def _parse_primary(self, depth: int) -> Filter:
        self._skip_spaces()
        opening = self.position
        if self._accept_sign("("):
            inner = self._parse_or(depth + 1)
            self._skip_spaces()
            if not self._accept_sign(")"):
                raise self._missing_delimiter(")", opening)
            self._skip_spaces()
            return inner
        start = self.position
        word = _WORD.match(self.text, start)
        if word is not None and word.group() in KEYWORDS:
            raise self._missing_value(start, word.group())
        try:
            attribute = self._parse_value()
        except FilterError:
            if self._is_quote(start):
                raise
            raise self._missing_operation(start) from None
        return self._parse_condition(attribute, start)

    def _parse_condition(self, attribute: Word, start: int) -> Filter:
        match = _OPERATOR.match(self.text, self.position)
        if match:
            self.position = match.end()
            return Condition(attribute, match.group(), (self._parse_value().text,))
        negated = self._accept_keyword("NOT")
        for word, read in (("IN", self._parse_list), ("EXISTS", tuple)):
            if self._accept_keyword(word):
                return _negate_if(negated, Condition(attribute, word, read()))
        if not negated and self._accept_keyword("IS"):
            negated = self._accept_keyword("NOT")
            for word in ("NULL", "EMPTY"):
                if self._accept_keyword(word):
                    return _negate_if(negated, Condition(attribute, word))
            raise self._missing_operation(start)
        if self._accept_keyword("STARTS") and self._accept_keyword("WITH"):
            return _negate_if(
                negated, Condition(attribute, "STARTS WITH", (self._parse_value().text,))
            )
        if not negated:
            return self._parse_range(attribute, start)
        raise self._missing_operation(start)

    def _parse_range(self, attribute: Word, start: int) -> Filter:
        try:
            low = self._parse_value()
        except FilterError:
            raise self._missing_operation(start) from None
        if not self._accept_keyword("TO") or self.position == len(self.text):
            raise self._missing_operation(start)
        return Condition(attribute, "TO", (low.text, self._parse_value().text))

    def _parse_list(self) -> tuple[str, ...]:
        self._skip_spaces()
        if not self._accept_sign("["):
            raise self._error("Expected `[` after `IN` keyword.", self.position)
        values: list[str] = []
        while True:
            self._skip_spaces()
            if self._accept_sign("]"):
                self._skip_spaces()
                return tuple(values)
            if values and not self._accept_sign(","):
                raise self._malformed_list()
            self._skip_spaces()
            if self._accept_sign("]"):
                self._skip_spaces()
                return tuple(values)
            try:
                values.append(self._parse_value().text)
            except FilterError:
                if self._is_quote(self.position):
                    raise
                raise self._malformed_list() from None

    def _parse_value(self) -> Word:
        self._skip_spaces()
        start = self.position
        if start < len(self.text) and self.text[start] in "'\"":
            return self._parse_quoted(self.text[start], start)
        match = _WORD.match(self.text, start)
        if match is None or match.group() in KEYWORDS:
            raise self._missing_value(start, match.group() if match else None)
        self.position = match.end()
        self._skip_spaces()
        return Word(match.group(), start + 1)

    def _parse_quoted(self, quote: str, start: int) -> Word:
        end = start + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise self._missing_delimiter(quote, start)
        self.position = end + 1
        self._skip_spaces()
        raw = self.text[start + 1 : end].replace(f"\\{quote}", quote)
        return Word(_unescape(raw), start + 2)

    def _accept_keyword(self, word: str) -> bool:
        self._skip_spaces()
        match = _WORD.match(self.text, self.position)
        if match is None or match.group() != word:
            return False
        self.position = match.end()
        self._skip_spaces()
        return True

    def _accept_sign(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.position):
            return False
        self.position += 1
        return True

    def _skip_spaces(self) -> None:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1

    def _is_quote(self, position: int) -> bool:
        return position < len(self.text) and self.text[position] in "'\""

    def _error(self, message: str, start: int, end: int | None = None) -> FilterError:
        last = len(self.text) if end is None else end
        return FilterError(f"{message}\n{start + 1}:{last + 1} {self.text}")

    def _missing_value(self, start: int, keyword: str | None) -> FilterError:
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
            message = f"Was expecting a value but instead got `{_escape(word)}`."
        return self._error(message, start, end)

    def _missing_operation(self, start: int) -> FilterError:
        rest = self.text[start:]
        found = f"at `{_escape(rest)}`." if rest.strip() else "but instead got nothing."
        return self._error(EXPECTED_OPERATIONS + found, start)

    def _missing_delimiter(self, sign: str, start: int) -> FilterError:
        rest = self.text[start:]
        message = (
            f"Expression `{_escape(rest)}` is missing the following closing delimiter: `{sign}`."
        )
        return self._error(message, start)

    def _malformed_list(self) -> FilterError:
        rest = self.text[self.position :]
        if not rest.strip():
            message = "Expected matching `]` after the list of field names given to `IN[`"
        else:
            message = (
                "Expected only comma-separated field names inside `IN[..]` but instead found "
                f"`{_escape(rest)}`."
            )
        return self._error(message, self.position)


def _negate_if(negated: bool, condition: Condition) -> Filter:
    return Negation(condition) if negated else condition


def _escape(text: str) -> str:
    """Return a part of a filter as error messages quote it."""
    return re.sub(r"([\\\"'])", r"\\\1", text).replace("\n", "\\n")


def _unescape(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else _ESCAPES.get(match[3], match[3])

    return _ESCAPED.sub(character, text)
