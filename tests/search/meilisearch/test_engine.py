"""The Meilisearch engine refuses to search incomplete indexes, and searches only allowed fields."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from pyroaring import BitMap
from sqlmodel import Session

from app.published.facets import FacetChoice
from app.published.question_filter import QuestionFilter
from app.search.engine import EngineUnavailableError, SearchRequest, SearchResult
from app.search.meilisearch.engine import MeilisearchEngine
from app.search.meilisearch.indexes.index_names import live_index_name
from app.search.meilisearch.status import read_status
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.support.mirroring import FAST_TIMINGS, Deployment
from tests.support.meili.proxy import Fault

REQUEST = SearchRequest(
    text="grow",
    banks=("science",),
    answer_banks=frozenset(),
    filter=QuestionFilter(),
    members=BitMap(range(1000)),
    synonyms={},
    limit=20,
)


def _with_engine(
    deployment: Deployment, body: Callable[[MeilisearchEngine], Awaitable[None]]
) -> None:
    """Run a body with an engine that has read the mirror's status."""

    async def run() -> None:
        vocabularies = VocabularySnapshot()
        with Session(deployment.database.engine) as session:
            vocabularies.load(session)
        engine = MeilisearchEngine(
            deployment.database, deployment.settings, vocabularies, timings=FAST_TIMINGS
        )
        engine.status = read_status(deployment.database)
        try:
            await body(engine)
        finally:
            await engine._client.close()

    asyncio.run(run())


def _search(deployment: Deployment, request: SearchRequest = REQUEST) -> SearchResult:
    found: list[SearchResult] = []

    async def body(engine: MeilisearchEngine) -> None:
        found.append(await engine.search(request))

    _with_engine(deployment, body)
    return found[0]


def test_search_fails_before_the_index_exists(deployment: Deployment) -> None:
    deployment.publish_many(3)
    with pytest.raises(EngineUnavailableError):
        _search(deployment)
    deployment.start_mirror()
    deployment.converge()
    assert len(_search(deployment).hits) == 3


def test_a_new_and_empty_bank_does_not_make_searches_fail(
    deployment: Deployment,
) -> None:
    deployment.publish_many(3)
    deployment.start_mirror()
    deployment.converge()
    deployment.stop_mirrors()
    deployment.make_bank("history")
    request = replace(REQUEST, banks=("history", "science"))
    assert len(_search(deployment, request).hits) == 3


def test_search_fails_when_an_index_is_lost(
    deployment: Deployment,
) -> None:
    deployment.publish_many(3)
    deployment.start_mirror()
    deployment.converge()
    deployment.stop_mirrors()
    name = live_index_name(deployment.prefix, "science")
    deployment.direct_client.delete_index(name)
    _wait_until(lambda: deployment.direct_client.index_created_at(name) is None)
    with pytest.raises(EngineUnavailableError):
        _search(deployment)
    # The server creates a missing index when it gets documents; that index lacks our settings.
    deployment.direct_client.put_documents(
        name, b'{"id": 1, "stem": "Why does it grow?", "ready": 1, "revision": 1}'
    )
    _wait_until(lambda: deployment.direct_client.index_created_at(name) is not None)
    with pytest.raises(EngineUnavailableError):
        _search(deployment)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_next_search_after_a_timeout_fails_immediately(deployment: Deployment) -> None:
    deployment.publish_many(3)
    deployment.start_mirror()
    deployment.converge()
    slow = deployment.proxy.add_fault(Fault("delay", path="/search", seconds=5.0))

    async def body(engine: MeilisearchEngine) -> None:
        with pytest.raises(EngineUnavailableError):
            await engine.search(REQUEST)
        started = time.monotonic()
        with pytest.raises(EngineUnavailableError):
            await engine.search(REQUEST)
        assert time.monotonic() - started < 0.2
        deployment.proxy.faults.remove(slow)
        await asyncio.sleep(0.6)
        assert len((await engine.search(REQUEST)).hits) == 3

    _with_engine(deployment, body)


def test_answer_text_is_searched_only_in_the_answer_banks(
    deployment: Deployment,
) -> None:
    """A changed rule applies to the next request, before the index is updated."""
    deployment.publish("Is water wet?")
    deployment.start_mirror()
    deployment.converge()
    request = replace(REQUEST, text="secret13")
    assert len(_search(deployment, replace(request, answer_banks=frozenset({"science"}))).hits) == 1
    assert _search(deployment, request).hits == []


def test_several_banks_are_searched_in_one_request(deployment: Deployment) -> None:
    deployment.make_bank("history")
    deployment.publish_many(3)
    deployment.publish_many(2, bank="history")
    deployment.start_mirror()
    deployment.converge()
    before = len(deployment.proxy.requests)
    found = _search(deployment, replace(REQUEST, banks=("history", "science"), limit=4))
    assert (len(found.hits), found.more) == (4, True)
    targets = [request.target for request in deployment.proxy.requests[before:]]
    assert [target for target in targets if "search" in target] == ["/multi-search"]


def test_the_server_applies_the_filter(deployment: Deployment) -> None:
    deployment.publish("Why does one grow?", tags=("viva",), difficulty="hard")
    deployment.publish("Why do two grow?", difficulty="easy")
    deployment.start_mirror()
    deployment.converge()
    wanted = QuestionFilter(tag=FacetChoice(("viva",)), difficulty=FacetChoice((), ("easy",)))
    assert [hit.number for hit in _search(deployment, replace(REQUEST, filter=wanted)).hits] == [1]


def test_reach_returns_when_the_mirror_has_acknowledged_the_mark(
    deployment: Deployment,
) -> None:
    deployment.publish_many(3)
    deployment.start_mirror()
    deployment.converge()
    deployment.publish_many(2)

    async def body(engine: MeilisearchEngine) -> None:
        clock = read_status(deployment.database).clock
        assert await engine.wait_for_mark(clock, 60.0)
        assert engine.mark == clock
        assert len((await engine.search(REQUEST)).hits) == 5
        assert not await engine.wait_for_mark(clock._replace(seq=99), 0.1)

    _with_engine(deployment, body)
