"""The Meilisearch engine says no while an index is not right, and searches only what it may."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from pyroaring import BitMap
from sqlmodel import Session

from app.published.question_filter import Choice, QuestionFilter
from app.search.engine import Asked, EngineUnavailableError, Found
from app.search.meilisearch.engine import MeilisearchEngine
from app.search.meilisearch.index_names import live_name
from app.search.meilisearch.status import read_status
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.support.mirroring import PACE, World
from tests.support.meili.proxy import Fault

ASKED = Asked(
    text="grow",
    banks=("science",),
    answer_banks=frozenset(),
    filter=QuestionFilter(),
    members=BitMap(range(1000)),
    synonyms={},
    limit=20,
)


def _with_engine(world: World, body: Callable[[MeilisearchEngine], Awaitable[None]]) -> None:
    """Run a body with an engine that knows how far the mirrors of the world are."""

    async def whole() -> None:
        glossary = VocabularySnapshot()
        with Session(world.database.engine) as session:
            glossary.load(session)
        engine = MeilisearchEngine(world.database, world.settings, glossary, pace=PACE)
        engine.status = read_status(world.database)
        try:
            await body(engine)
        finally:
            await engine._searches.close()

    asyncio.run(whole())


def _search(world: World, asked: Asked = ASKED) -> Found:
    found: list[Found] = []

    async def body(engine: MeilisearchEngine) -> None:
        found.append(await engine.search(asked))

    _with_engine(world, body)
    return found[0]


def test_nothing_is_said_to_be_found_before_the_index_is_there(world: World) -> None:
    world.publish_many(3)
    with pytest.raises(EngineUnavailableError):
        _search(world)
    world.start()
    world.converge()
    assert len(_search(world).hits) == 3


def test_a_bank_that_is_new_and_empty_keeps_nothing_from_being_found(world: World) -> None:
    world.publish_many(3)
    world.start()
    world.converge()
    world.stop()
    world.make_bank("history")
    asked = replace(ASKED, banks=("history", "science"))
    assert len(_search(world, asked).hits) == 3


def test_an_index_that_went_lost_makes_searches_fail_instead_of_finding_less(world: World) -> None:
    world.publish_many(3)
    world.start()
    world.converge()
    world.stop()
    name = live_name(world.prefix, "science")
    world.direct.drop_index(name)
    _await(lambda: world.direct.made_at(name) is None)
    with pytest.raises(EngineUnavailableError):
        _search(world)
    # The server makes an index by itself for whoever sends documents; it lacks our settings.
    world.direct.put(name, b'{"id": 1, "stem": "Why does it grow?", "ready": 1, "revision": 1}')
    _await(lambda: world.direct.made_at(name) is not None)
    with pytest.raises(EngineUnavailableError):
        _search(world)


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_that_fails_is_not_waited_for_again_at_once(world: World) -> None:
    world.publish_many(3)
    world.start()
    world.converge()
    slow = world.proxy.add(Fault("delay", path="/search", seconds=5.0))

    async def body(engine: MeilisearchEngine) -> None:
        with pytest.raises(EngineUnavailableError):
            await engine.search(ASKED)
        began = time.monotonic()
        with pytest.raises(EngineUnavailableError):
            await engine.search(ASKED)
        assert time.monotonic() - began < 0.2
        world.proxy.faults.remove(slow)
        await asyncio.sleep(0.6)
        assert len((await engine.search(ASKED)).hits) == 3

    _with_engine(world, body)


def test_answer_text_is_searched_only_in_banks_that_are_named_for_it(world: World) -> None:
    """A rule that changes bites at the next request, before the index is cleaned."""
    world.publish("Is water wet?")
    world.start()
    world.converge()
    asked = replace(ASKED, text="secret13")
    assert len(_search(world, replace(asked, answer_banks=frozenset({"science"}))).hits) == 1
    assert _search(world, asked).hits == []


def test_several_banks_are_asked_in_one_request(world: World) -> None:
    world.make_bank("history")
    world.publish_many(3)
    world.publish_many(2, bank="history")
    world.start()
    world.converge()
    before = len(world.proxy.seen)
    found = _search(world, replace(ASKED, banks=("history", "science"), limit=4))
    assert (len(found.hits), found.more) == (4, True)
    searches = [seen for seen in world.proxy.seen[before:] if "search" in seen.target]
    assert [seen.target for seen in searches] == ["/multi-search"]


def test_the_filter_is_the_servers_work(world: World) -> None:
    world.publish("Why does one grow?", tags=("viva",), difficulty="hard")
    world.publish("Why do two grow?", difficulty="easy")
    world.start()
    world.converge()
    wanted = QuestionFilter(tag=Choice(("viva",)), difficulty=Choice((), ("easy",)))
    assert [hit.number for hit in _search(world, replace(ASKED, filter=wanted)).hits] == [1]


def test_whoever_waits_for_an_edition_is_answered_when_the_mirror_is_there(world: World) -> None:
    world.publish_many(3)
    world.start()
    world.converge()
    world.publish_many(2)

    async def body(engine: MeilisearchEngine) -> None:
        clock = read_status(world.database).clock
        assert await engine.reach(clock, 60.0)
        assert engine.mark == clock
        assert len((await engine.search(ASKED)).hits) == 5
        assert not await engine.reach(clock._replace(seq=99), 0.1)

    _with_engine(world, body)
