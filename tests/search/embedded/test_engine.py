"""Searches of the embedded engine: refusals, order, and what results may not reveal."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from pyroaring import BitMap

from app.search.embedded.engine import EmbeddedEngine
from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START, EngineUnavailableError
from app.search.text.query import clean_query
from tests.search.support.worlds import (
    TYPED_QUERIES,
    World,
    hit_numbers,
    matching_numbers,
    search,
    search_hits,
    wait_until_indexed,
)
from tests.support.hypothesis_profiles import scaled


def test_without_an_index_the_engine_is_unavailable(database, settings) -> None:
    engine = EmbeddedEngine(database, settings)
    world = World(database)
    world.bank("science")
    world.publish("What is entropy?")
    with pytest.raises(EngineUnavailableError):
        asyncio.run(engine.search(world.request("entropy")))
    engine.close()


def test_a_search_that_takes_too_long_is_refused(
    world, run_with_engine, database, settings
) -> None:
    world.publish_all([{"stem": f"What is entropy, part {number}?"} for number in range(3000)])

    async def check(_: EmbeddedEngine) -> None:
        impatient = EmbeddedEngine(database, settings, cutoff=0.0)
        running = asyncio.create_task(impatient.run())
        await wait_until_indexed(impatient, world)
        with pytest.raises(EngineUnavailableError, match="too long"):
            await impatient.search(world.request("entropy"))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        impatient.close()

    run_with_engine(check)


def test_restricted_answers_are_not_searched_even_while_the_index_contains_them(
    world, run_with_engine
) -> None:
    """A change of the bank's rules applies to the next request."""
    world.publish("Which one?", explanation="Because of multicollinearity.")

    async def check(engine: EmbeddedEngine) -> None:
        for query in ("multicollinearity", "multicolinearity", "multicoll", "mu", "m"):
            assert await hit_numbers(engine, world.request(query, answers=("science",)))
            result = await search(engine, world.request(query))
            assert (result.hits, result.corrected, result.more) == ([], None, False)
            assert await matching_numbers(engine, world.request(query), 1001) == []

    run_with_engine(check)


def test_answers_do_not_affect_the_order_where_they_are_not_searched(
    world, run_with_engine
) -> None:
    stems = [f"What is entropy of kind {number}?" for number in range(30)]
    orders: list[list[tuple[int, float]]] = []

    async def check(engine: EmbeddedEngine) -> None:
        found_hits = await search_hits(engine, world.request("entropy kind", limit=30))
        orders.append([(hit.number, hit.score) for hit in found_hits])

    for index, stem in enumerate(stems):
        world.publish(stem, explanation="entropy kind " * index)
    run_with_engine(check)
    for index, number in enumerate(list(world.ids)):
        world.publish(stems[index], number=number, explanation="")
    run_with_engine(check)
    assert orders[0] == orders[1]


def test_withdrawn_questions_give_no_corrections(world, run_with_engine) -> None:
    withdrawn = world.publish("What is heteroscedasticity?")
    world.publish("What is a tree?")

    async def check(engine: EmbeddedEngine) -> None:
        members = world.members("science")
        # First only the members lack the question, then the index too.
        members.discard(withdrawn)
        for _ in range(2):
            result = await search(engine, world.request("heteroscedastcity", members=members))
            assert (result.hits, result.corrected) == ([], None)
            world.withdraw(withdrawn)
            await wait_until_indexed(engine, world)
        everything = world.request("heteroscedastcity", members=BitMap(range(100)))
        assert (await search(engine, everything)).corrected is None

    run_with_engine(check)


def test_a_bank_does_not_affect_the_order_in_another(world, run_with_engine) -> None:
    """The score of a hit depends on its own bank alone."""
    world.bank("other")
    for number in range(20):
        world.publish(f"What is entropy, for the {number}th time?")
    scores: list[list[tuple[int, float]]] = []

    async def check(engine: EmbeddedEngine) -> None:
        request = world.request("what entropy time", "science")
        scores.append([(hit.number, hit.score) for hit in await search_hits(engine, request)])

    run_with_engine(check)
    for number in range(20):
        world.publish(f"What time is it, {number}?", "other")
    run_with_engine(check)
    assert scores[0] == scores[1]


def test_pages_of_scored_and_unscored_matches_contain_each_once(world, run_with_engine) -> None:
    """More matches than are scored: pages contain each one once, up to the thousandth."""
    world.publish_all([{"stem": f"What is entropy, part {number}?"} for number in range(700)])
    best = world.publish("Entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        seen: list[int] = []
        for offset in range(0, 800, 100):
            seen += await hit_numbers(engine, world.request("entropy", limit=100, offset=offset))
        assert len(seen) == len(set(seen)) == 701
        assert seen[0] == best
        assert len(await matching_numbers(engine, world.request("entropy"), 1001)) == 701
        few = BitMap(list(world.members("science"))[100:130])
        remaining = await matching_numbers(engine, world.request("entropy", members=few), 1001)
        assert sorted(remaining) == list(few)

    run_with_engine(check)


def test_no_query_raises_or_is_read_as_syntax(world, run_with_engine) -> None:
    wanted = world.publish("What does gradient descent minimise in C++?")
    queries: list[str] = []

    async def check(engine: EmbeddedEngine) -> None:
        for query in queries:
            request = world.request(query)
            result = await engine.search(request)
            for hit in result.hits:
                assert hit.number == wanted
                plain = hit.stem.replace(HIGHLIGHT_START, "").replace(HIGHLIGHT_END, "")
                assert plain == "What does gradient descent minimise in C++?"

    @scaled(1.5, suppress_health_check=list(HealthCheck))
    @given(TYPED_QUERIES)
    def collect(typed: str) -> None:
        with suppress(ValueError):
            if clean_query(typed):
                queries.append(typed)

    collect()
    assert queries
    run_with_engine(check)
