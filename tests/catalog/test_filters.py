"""Every filter matches the same questions as a plain model of the filter."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.rights import ANONYMOUS, BankRules, Rights
from app.catalog.http.endpoint import ResponseCache
from app.catalog.http.get_facets import GetFacets
from app.core.db.edition_clock import Mark
from app.core.http.query_string import split_query
from app.core.http.replies import Reply
from app.core.time_and_random import from_milliseconds
from app.published.facets import FACET_BY_PARAMETER, FACETS, Facet, FacetChoice
from app.published.feed_columns import PublishedRow
from app.published.question_filter import QuestionFilter, parse_filter
from app.taxonomy.vocabulary import Term, Vocabularies, Vocabulary
from tests.catalog.support import CATEGORIES, COMPANIES, TAGS, CatalogWorker
from tests.support.databases import make_settings
from tests.support.hypothesis_profiles import scaled
from tests.support.publications import change_row, make_row

BANKS = ("arts", "science")
VALUES: dict[str, tuple[str, ...]] = {facet.parameter: facet.values for facet in FACETS} | {
    "bank": BANKS,
    "category": tuple(CATEGORIES),
    "company": COMPANIES,
    "tag": TAGS,
    "language": ("en", "pt-br"),
}
ROWS = 24


def _texts(facet: Facet) -> st.SearchStrategy[str]:
    """Return texts that the column of a facet may have."""
    values = st.sampled_from(VALUES[facet.parameter])
    if facet.many:
        return st.sets(values).map(lambda chosen: ",".join(sorted(chosen)))
    if facet.parameter == "language":
        return st.sampled_from(["en", "pt-BR"])
    return values | st.just("") if facet.optional else values


ROW = st.builds(
    make_row,
    number=st.just(0),
    id=st.just(b""),
    seq=st.just(0),
    revision=st.sampled_from([None, 1, 2, 3]),
    updated_at=st.sampled_from([0, 1000, 2000]),
    **{facet.column: _texts(facet) for facet in FACETS},
)


def _id(number: int) -> UUID:
    # Half of them share the eight bytes that the index is sorted by.
    return UUID(int=((number % 2) * number << 64) | number)


@st.composite
def _rows(draw: st.DrawFn) -> list[PublishedRow]:
    rows = draw(st.lists(ROW, max_size=ROWS))
    return [
        row._replace(number=place, seq=place, id=_id(place).bytes)
        for place, row in enumerate(rows, start=1)
    ]


@st.composite
def _filters(draw: st.DrawFn) -> QuestionFilter:
    given: dict[str, Any] = {}
    for name in draw(st.sets(st.sampled_from(list(VALUES)), max_size=4)):
        values = st.lists(st.sampled_from(VALUES[name]), unique=True, max_size=2)
        given[name] = FacetChoice(tuple(sorted(draw(values))), tuple(sorted(draw(values))))
    if draw(st.booleans()):
        chosen = draw(st.sets(st.sampled_from(TAGS)))
        given["tag_all"] = tuple(sorted(chosen))
    excluded = draw(st.sets(st.integers(1, ROWS + 2), max_size=3))
    given["exclude"] = tuple(sorted(_id(number) for number in excluded))
    given["updated_after"] = draw(st.sampled_from([None, 0, 1000]))
    return QuestionFilter(**given)


def _values(row: PublishedRow, name: str) -> set[str]:
    text = row.text(FACET_BY_PARAMETER[name].column)
    return set(text.casefold().split(",")) if text else set()


def _below(slug: str) -> set[str]:
    found = {slug}
    for child, parent in CATEGORIES.items():
        if parent == slug:
            found |= _below(child)
    return found


def _matches(row: PublishedRow, banks: frozenset[str], question_filter: QuestionFilter) -> bool:
    if row.revision is None or row.bank not in banks:
        return False
    for name in VALUES:
        choice = getattr(question_filter, name)
        widen = _below if name == "category" else lambda value: {value}
        has = _values(row, name)
        if choice.any and not any(has & widen(value) for value in choice.any):
            return False
        if any(has & widen(value) for value in choice.none):
            return False
    if not set(question_filter.tag_all) <= _values(row, "tag"):
        return False
    if UUID(bytes=row.id) in question_filter.exclude:
        return False
    return question_filter.updated_after is None or row.updated_at > question_filter.updated_after


def _query(question_filter: QuestionFilter) -> str:
    parts = []
    for name in VALUES:
        choice = getattr(question_filter, name)
        values = [*choice.any, *(f"-{value}" for value in choice.none)]
        if values:
            parts.append(f"{name}={','.join(values)}")
    parts += [f"tag_all={tag}" for tag in question_filter.tag_all]
    parts += [f"exclude={question_id}" for question_id in question_filter.exclude]
    if question_filter.updated_after is not None:
        time = from_milliseconds(question_filter.updated_after).isoformat()
        parts.append(f"updated_after={quote(time)}")
    return "&".join(parts)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogWorker]:
    """A worker whose rows the tests apply; its database is never opened."""
    worker = CatalogWorker(make_settings(tmp_path_factory.mktemp("data")))
    worker.access.rights = Rights(
        {slug: BankRules(slug, slug, "", "en", "public", "public", "open", "key") for slug in BANKS}
    )
    worker.vocabularies.current = Vocabularies(
        Vocabulary([Term(slug, slug, "", (), parent) for slug, parent in CATEGORIES.items()]),
        Vocabulary([Term(slug, slug, "", ()) for slug in COMPANIES]),
        Vocabulary([Term(slug, slug, "", ()) for slug in TAGS]),
    )
    yield worker
    worker.close()


def _fill(worker: CatalogWorker, rows: list[PublishedRow], at_once: bool) -> None:
    catalog = worker.catalog
    mark = Mark("0" * 16, len(rows), 1)
    catalog.reset(mark.epoch)
    if not at_once:
        catalog.apply((), mark)
    for row in rows:
        # Every question was public before, as another revision with other facets.
        before = change_row(row, revision=9, categories="optics", tags="viva", difficulty="medium")
        catalog.apply([before], mark._replace(seq=row.seq))
    for start in range(0, len(rows), 5):
        part = [row._replace(seq=row.seq + ROWS) for row in rows[start : start + 5]]
        catalog.apply(part, mark._replace(seq=part[-1].seq))
    catalog.apply((), mark._replace(seq=2 * ROWS))


@scaled(1.5)
@given(
    rows=_rows(),
    question_filter=_filters(),
    banks=st.sets(st.sampled_from(BANKS)),
    at_once=st.booleans(),
)
def test_members_are_those_of_the_model(
    worker: CatalogWorker,
    rows: list[PublishedRow],
    question_filter: QuestionFilter,
    banks: set[str],
    at_once: bool,
) -> None:
    _fill(worker, rows, at_once)
    seen = frozenset(banks)
    expected = [row.number for row in rows if _matches(row, seen, question_filter)]
    members = worker.catalog.members(seen, question_filter)
    assert list(members) == expected
    assert list(worker.catalog.members(seen, question_filter)) == expected
    entries = [worker.catalog.entry(number) for number in members]
    assert [entry.revision for entry in entries] == [
        rows[entry.number - 1].revision for entry in entries
    ]
    assert [worker.catalog.find(entry.id) for entry in entries] == entries


@given(question_filter=_filters())
def test_a_query_string_is_parsed_into_the_filter(
    worker: CatalogWorker, question_filter: QuestionFilter
) -> None:
    known = worker.catalog.nameable_values(ANONYMOUS)
    assert parse_filter(split_query(_query(question_filter).encode()), known) == question_filter


@given(rows=_rows(), question_filter=_filters())
def test_facets_count_without_their_own_parameter(
    worker: CatalogWorker, rows: list[PublishedRow], question_filter: QuestionFilter
) -> None:
    _fill(worker, rows, at_once=True)
    banks = frozenset(BANKS)
    endpoint = GetFacets("facets", worker.catalog, ResponseCache())
    reply = endpoint(_query(question_filter).encode(), ANONYMOUS, {})
    assert isinstance(reply, Reply)
    answer = orjson.loads(reply.body)
    assert answer["total"] == sum(_matches(row, banks, question_filter) for row in rows)
    for name, found in answer["facets"].items():
        others = question_filter.without(FACET_BY_PARAMETER[name])
        matching = [row for row in rows if _matches(row, banks, others)]
        widen = _below if name == "category" else lambda value: {value}
        expected = {
            value: sum(bool(_values(row, name) & widen(value)) for row in matching)
            for value in VALUES[name]
        }
        counts = {each["slug"]: each["count"] for each in found}
        assert counts == {value: count for value, count in expected.items() if count}
