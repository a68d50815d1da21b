"""The one filter: its grammar in queries and in JSON, and what every door makes of it."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import FieldError, invalid, near_misses
from app.core.http.query_string import MAX_VALUES, Pairs, Parameter
from app.kinds import KINDS
from app.taxonomy.vocabulary import Vocabularies, Vocabulary

DIFFICULTIES = ("easy", "medium", "hard")
LEVELS = ("intern", "fresher", "experienced", "advanced")
MAX_EXCLUDED_IN_QUERY = 200
MAX_EXCLUDED_IN_BODY = 1000
CHOICES = ("bank", "kind", "category", "company", "tag", "difficulty", "level", "language")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII)
_TERM = {"type": "string", "minLength": 1, "maxLength": 201}


def _values(*names: str) -> dict[str, object]:
    return {"type": "string", "enum": [*names, *(f"-{name}" for name in names)]}


PARAMETERS = (
    Parameter("bank", "bank, by slug or name", _TERM, many=True),
    Parameter("kind", "kind of question", _values(*KINDS), many=True),
    Parameter(
        "category",
        "category by slug, alias or name, with everything below it; several are OR-ed, a leading "
        "`-` excludes",
        _TERM,
        many=True,
        example=["ensembles"],
    ),
    Parameter("company", "company, likewise", _TERM, many=True),
    Parameter("tag", "tag, likewise", _TERM, many=True),
    Parameter("tag_all", "tags that a question must have all of", _TERM, many=True),
    Parameter("difficulty", "how hard", _values(*DIFFICULTIES), many=True),
    Parameter("level", "who it is for", _values(*LEVELS), many=True),
    Parameter("language", "BCP 47 tag", _TERM, many=True),
    Parameter(
        "exclude",
        f"ids of questions to leave out, at most {MAX_EXCLUDED_IN_QUERY}",
        {"type": "string", "format": "uuid"},
        many=True,
    ),
    Parameter(
        "updated_after",
        "only what was published again after that time",
        {"type": "string", "format": "date-time"},
    ),
)
NAMES = frozenset(parameter.name for parameter in PARAMETERS)


@dataclass(frozen=True, slots=True)
class Choice:
    """One parameter's values: a question has one of `any`, if there are any, none of `none`."""

    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionFilter:
    """What is asked for, in slugs; categories stand for everything below them as well.

    Languages are in lower case; `updated_after` is in milliseconds since 1970.
    """

    bank: Choice = Choice()
    kind: Choice = Choice()
    category: Choice = Choice()
    company: Choice = Choice()
    tag: Choice = Choice()
    difficulty: Choice = Choice()
    level: Choice = Choice()
    language: Choice = Choice()
    tag_all: tuple[str, ...] = ()
    exclude: tuple[UUID, ...] = ()
    updated_after: int | None = None

    def canonical(self) -> str:
        """Return JSON text that is the same for every filter of the same meaning."""
        values: dict[str, object] = {}
        for name in CHOICES:
            choice: Choice = getattr(self, name)
            if choice.any or choice.none:
                values[name] = [choice.any, choice.none]
        if self.tag_all:
            values["tag_all"] = self.tag_all
        if self.exclude:
            values["exclude"] = [str(question_id) for question_id in self.exclude]
        if self.updated_after is not None:
            values["updated_after"] = self.updated_after
        return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Known:
    """What a caller can name: the banks that it sees (name by slug) and the shared terms."""

    banks: Mapping[str, str]
    vocabularies: Vocabularies


def filter_from(canonical: str) -> QuestionFilter:
    """Return the filter that `QuestionFilter.canonical` wrote."""
    values = orjson.loads(canonical)
    for name in CHOICES:
        if name in values:
            chosen, excluded = values[name]
            values[name] = Choice(tuple(chosen), tuple(excluded))
    values["tag_all"] = tuple(values.get("tag_all", ()))
    values["exclude"] = tuple(UUID(text) for text in values.get("exclude", ()))
    return QuestionFilter(**values)


_Values = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=201)]], Field(max_length=MAX_VALUES)
]


class QuestionFilterBody(BaseModel):
    """The filter in JSON: for each parameter a list of values, none of them split at commas."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"category": ["ensembles"], "difficulty": ["-hard"]}]},
    )

    bank: _Values = []
    kind: _Values = []
    category: _Values = []
    company: _Values = []
    tag: _Values = []
    tag_all: _Values = []
    difficulty: _Values = []
    level: _Values = []
    language: _Values = []
    exclude: list[UUID] = Field([], max_length=MAX_EXCLUDED_IN_BODY)
    updated_after: Annotated[str, Field(max_length=40)] | None = None


class _Parser:
    """Resolves one filter's values and gathers everything that is wrong with them."""

    def __init__(self, known: Known, pointer: str | None) -> None:
        self.errors: list[FieldError] = []
        self._pointer = pointer
        terms = known.vocabularies
        self._resolvers: dict[str, Callable[[str], tuple[str | None, Sequence[str]]]] = {
            "bank": _bank(known.banks),
            "kind": _fixed(KINDS),
            "category": _term(terms.categories),
            "company": _term(terms.companies),
            "tag": _term(terms.tags),
            "tag_all": _term(terms.tags),
            "difficulty": _fixed(DIFFICULTIES),
            "level": _fixed(LEVELS),
            "language": _language,
        }

    def fail(self, name: str, code: str, detail: str, near: Sequence[str] = ()) -> None:
        if self._pointer is None:
            error = FieldError(code, detail, parameter=name, suggestions=near)
        else:
            error = FieldError(code, detail, pointer=f"{self._pointer}/{name}", suggestions=near)
        self.errors.append(error)

    def choice(self, name: str, values: Iterable[str]) -> Choice:
        chosen: set[str] = set()
        excluded: set[str] = set()
        for value in values:
            negative = value.startswith("-")
            found = self._resolve(name, value[negative:])
            if found is not None:
                (excluded if negative else chosen).add(found)
        return Choice(tuple(sorted(chosen)), tuple(sorted(excluded)))

    def all_of(self, name: str, values: Iterable[str]) -> tuple[str, ...]:
        found = {self._resolve(name, value) for value in values}
        return tuple(sorted(slug for slug in found if slug is not None))

    def ids(self, name: str, values: Sequence[str]) -> tuple[UUID, ...]:
        found = set()
        if len(values) > MAX_EXCLUDED_IN_QUERY:
            self.fail(name, "invalid_value", f"At most {MAX_EXCLUDED_IN_QUERY} ids.")
            return ()
        for value in values:
            try:
                found.add(UUID(value))
            except ValueError:
                self.fail(name, "invalid_value", "Each value is a UUID.")
                break
        return tuple(sorted(found))

    def time(self, name: str, value: str | None) -> int | None:
        if value is None:
            return None
        if _TIME.fullmatch(value):
            with suppress(ValueError, OverflowError):
                return round(datetime.fromisoformat(value).timestamp() * 1000)
        self.fail(name, "invalid_value", "An RFC 3339 time such as 2026-01-31T12:00:00Z.")
        return None

    def _resolve(self, name: str, value: str) -> str | None:
        found, near = self._resolvers[name](value)
        if found is None:
            self.fail(name, "unknown_value", "There is no such value.", near)
        return found


def parse_filter(pairs: Pairs, known: Known) -> QuestionFilter:
    """Return the filter in a query's pairs; other parameters are passed over.

    Problem invalid_request naming each value that does not exist, with near misses.
    """
    parser = _Parser(known, None)
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in NAMES:
            parts = [value] if name == "updated_after" else value.split(",")
            given.setdefault(name, []).extend(parts)
    for name, values in given.items():
        limit = MAX_EXCLUDED_IN_QUERY if name == "exclude" else MAX_VALUES
        if len(values) > limit:
            parser.fail(name, "invalid_value", f"At most {limit} values.")
            values.clear()
    times = given.get("updated_after", [])
    if len(times) > 1:
        parser.fail("updated_after", "invalid_value", "Give it once.")
    excluded = parser.ids("exclude", given.get("exclude", []))
    return _finish(parser, given, excluded, times[0] if times else None)


def parse_filter_body(body: QuestionFilterBody, known: Known, pointer: str) -> QuestionFilter:
    """Return the filter in a body; `pointer` is where it stands there.

    Problem invalid_request naming each value that does not exist, with near misses.
    """
    given = {name: getattr(body, name) for name in (*CHOICES, "tag_all")}
    excluded = tuple(sorted(set(body.exclude)))
    return _finish(_Parser(known, pointer), given, excluded, body.updated_after)


def _finish(
    parser: _Parser,
    given: Mapping[str, Sequence[str]],
    excluded: tuple[UUID, ...],
    time: str | None,
) -> QuestionFilter:
    choices: dict[str, Any] = {name: parser.choice(name, given.get(name, ())) for name in CHOICES}
    found = QuestionFilter(
        **choices,
        tag_all=parser.all_of("tag_all", given.get("tag_all", ())),
        exclude=excluded,
        updated_after=parser.time("updated_after", time),
    )
    if parser.errors:
        raise invalid(*parser.errors)
    return found


def differing(one: QuestionFilter, other: QuestionFilter) -> Iterator[str]:
    """Yield the names of the parameters in which two filters differ."""
    for field in fields(QuestionFilter):
        if getattr(one, field.name) != getattr(other, field.name):
            yield field.name


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _bank(banks: Mapping[str, str]) -> Callable[[str], tuple[str | None, Sequence[str]]]:
    def resolve(text: str) -> tuple[str | None, Sequence[str]]:
        wanted = _folded(text)
        if wanted in banks:
            return wanted, ()
        for slug, name in banks.items():
            if _folded(name) == wanted:
                return slug, ()
        return None, near_misses(wanted, banks)

    return resolve


def _term(vocabulary: Vocabulary) -> Callable[[str], tuple[str | None, Sequence[str]]]:
    def resolve(text: str) -> tuple[str | None, Sequence[str]]:
        found = vocabulary.resolve(text)
        return found, () if found else vocabulary.near(text)

    return resolve


def _fixed(names: Sequence[str]) -> Callable[[str], tuple[str | None, Sequence[str]]]:
    def resolve(text: str) -> tuple[str | None, Sequence[str]]:
        wanted = text.casefold()
        return (wanted, ()) if wanted in names else (None, near_misses(wanted, names))

    return resolve


def _language(text: str) -> tuple[str | None, Sequence[str]]:
    wanted = text.casefold()
    return (wanted if _LANGUAGE.fullmatch(wanted) else None), ()
