"""The filter of questions: its parameters in queries, its form in JSON, and its parser."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import FieldError, invalid
from app.core.fields import RFC3339_TIME
from app.core.http.query_string import MAX_VALUES, Pairs, Parameter
from app.published.facet_models import with_facet_parameters
from app.published.facet_values import resolve_value
from app.published.facets import ANY_VALUE, FACETS, TAG, Facet, FacetChoice, FacetChoices
from app.taxonomy.vocabulary import Vocabularies

MAX_EXCLUDED_IN_QUERY = 200
MAX_EXCLUDED_IN_BODY = 1000

_TERM: dict[str, object] = {"type": "string", "minLength": 1, "maxLength": 201}


def _query_parameter(facet: Facet) -> Parameter:
    schema = _TERM
    if facet.values:
        excluded = (f"-{value}" for value in facet.values)
        schema = {"type": "string", "enum": [*facet.values, *excluded]}
    return Parameter(
        facet.parameter,
        facet.description,
        schema,
        many=True,
        example=list(facet.example) or None,
    )


def _query_parameters() -> Iterator[Parameter]:
    for facet in FACETS:
        yield _query_parameter(facet)
        if facet is TAG:
            yield Parameter("tag_all", "tags that a question must have all of", _TERM, many=True)
    yield Parameter(
        "exclude",
        f"ids of questions to leave out, at most {MAX_EXCLUDED_IN_QUERY}",
        {"type": "string", "format": "uuid"},
        many=True,
    )
    yield Parameter(
        "updated_after",
        "only what was published again after that time",
        {"type": "string", "format": "date-time"},
    )


FILTER_PARAMETERS = tuple(_query_parameters())
FILTER_NAMES = frozenset(parameter.name for parameter in FILTER_PARAMETERS)


@dataclass(frozen=True, slots=True)
class QuestionFilter(FacetChoices):
    """Which questions a request wants, in slugs; categories stand for their descendants, too.

    Languages are in lower case; `updated_after` is in milliseconds since 1970.
    """

    tag_all: tuple[str, ...] = ()
    exclude: tuple[UUID, ...] = ()
    updated_after: int | None = None

    def choice(self, facet: Facet) -> FacetChoice:
        """Return the values of one facet."""
        found: FacetChoice = getattr(self, facet.parameter)
        return found

    def without(self, facet: Facet) -> "QuestionFilter":
        """Return the filter without the values of one facet."""
        return replace(self, **{facet.parameter: ANY_VALUE})  # type: ignore[arg-type] # a facet's field

    def canonical(self) -> str:
        """Return JSON text that is the same for every filter of the same meaning."""
        values: dict[str, object] = {}
        for facet in FACETS:
            choice = self.choice(facet)
            if choice.any or choice.none:
                values[facet.parameter] = [choice.any, choice.none]
        if self.tag_all:
            values["tag_all"] = self.tag_all
        if self.exclude:
            values["exclude"] = [str(question_id) for question_id in self.exclude]
        if self.updated_after is not None:
            values["updated_after"] = self.updated_after
        return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What a caller can name: the banks that it may read (name by slug) and the shared terms."""

    banks: Mapping[str, str]
    vocabularies: Vocabularies


def filter_from_canonical(canonical: str) -> QuestionFilter:
    """Return the filter that `QuestionFilter.canonical` wrote."""
    values = orjson.loads(canonical)
    for facet in FACETS:
        if facet.parameter in values:
            chosen, excluded = values[facet.parameter]
            values[facet.parameter] = FacetChoice(tuple(chosen), tuple(excluded))
    values["tag_all"] = tuple(values.get("tag_all", ()))
    values["exclude"] = tuple(UUID(text) for text in values.get("exclude", ()))
    return QuestionFilter(**values)


def differing_parameters(one: QuestionFilter, other: QuestionFilter) -> Iterator[str]:
    """Yield the names of the parameters in which two filters differ."""
    for field in fields(QuestionFilter):
        if getattr(one, field.name) != getattr(other, field.name):
            yield field.name


_Values = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=201)]], Field(max_length=MAX_VALUES)
]


@with_facet_parameters(_Values)
class QuestionFilterBody(BaseModel):
    """The filter in JSON: for each parameter a list of values, none of them split at commas."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"category": ["ensembles"], "difficulty": ["-hard"]}]},
    )

    tag_all: _Values = []
    exclude: list[UUID] = Field([], max_length=MAX_EXCLUDED_IN_BODY)
    updated_after: Annotated[str, Field(max_length=40)] | None = None


class _Parser:
    """Resolves the values of one filter and collects everything that is wrong with them."""

    def __init__(self, known: KnownNames, pointer: str | None) -> None:
        self.errors: list[FieldError] = []
        self._known = known
        self._pointer = pointer

    def fail(self, name: str, code: str, detail: str, near: Sequence[str] = ()) -> None:
        if self._pointer is None:
            error = FieldError(code, detail, parameter=name, suggestions=near)
        else:
            error = FieldError(code, detail, pointer=f"{self._pointer}/{name}", suggestions=near)
        self.errors.append(error)

    def choice(self, facet: Facet, values: Iterable[str]) -> FacetChoice:
        chosen: set[str] = set()
        excluded: set[str] = set()
        for value in values:
            negative = value.startswith("-")
            found = self._resolve(facet, value[negative:], facet.parameter)
            if found is not None:
                (excluded if negative else chosen).add(found)
        return FacetChoice(tuple(sorted(chosen)), tuple(sorted(excluded)))

    def tag_all(self, values: Iterable[str]) -> tuple[str, ...]:
        found = {self._resolve(TAG, value, "tag_all") for value in values}
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
        if RFC3339_TIME.fullmatch(value):
            with suppress(ValueError, OverflowError):
                return round(datetime.fromisoformat(value).timestamp() * 1000)
        self.fail(name, "invalid_value", "An RFC 3339 time such as 2026-01-31T12:00:00Z.")
        return None

    def _resolve(self, facet: Facet, value: str, name: str) -> str | None:
        found, near = resolve_value(facet, value, self._known.banks, self._known.vocabularies)
        if found is None:
            self.fail(name, "unknown_value", "There is no such value.", near)
        return found


def parse_filter(pairs: Pairs, known: KnownNames) -> QuestionFilter:
    """Return the filter in the pairs of a query string; ignores other parameters.

    Problem invalid_request that names each value that does not exist, with near misses.
    """
    parser = _Parser(known, None)
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in FILTER_NAMES:
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


def parse_filter_body(body: QuestionFilterBody, known: KnownNames, pointer: str) -> QuestionFilter:
    """Return the filter in a request body; `pointer` is the JSON pointer of `body` in it.

    Problem invalid_request that names each value that does not exist, with near misses.
    """
    given = {facet.parameter: getattr(body, facet.parameter) for facet in FACETS}
    given["tag_all"] = body.tag_all
    excluded = tuple(sorted(set(body.exclude)))
    return _finish(_Parser(known, pointer), given, excluded, body.updated_after)


def _finish(
    parser: _Parser,
    given: Mapping[str, Sequence[str]],
    excluded: tuple[UUID, ...],
    time: str | None,
) -> QuestionFilter:
    choices = {
        facet.parameter: parser.choice(facet, given[facet.parameter])
        for facet in FACETS
        if given.get(facet.parameter)
    }
    found = QuestionFilter(
        **choices,
        tag_all=parser.tag_all(given.get("tag_all", ())),
        exclude=excluded,
        updated_after=parser.time("updated_after", time),
    )
    if parser.errors:
        raise invalid(*parser.errors)
    return found
