"""In a bank of thousands, searches find the same questions as a simple model of the index."""

import asyncio
import itertools
import random

import pytest
from pyroaring import BitMap

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded.engine import EmbeddedEngine
from app.search.embedded.finder import ENOUGH_MATCHES, MAX_PARTIAL_MATCHES
from app.search.embedded.matcher import MAX_MATCHES
from app.search.engine import SearchRequest
from tests.search.embedded.test_contract import embedded
from tests.search.support.worlds import World, matching_numbers, search, wait_until_indexed

QUESTIONS = 3000
WORDS = ["".join(parts) for parts in itertools.product("bdfgk", "aeiou", "lmnrt", "aeiou", "fgn")]


def stems(chance: random.Random) -> list[str]:
    """Return stems of random words; the frequency of a word falls with its position in WORDS."""
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return [" ".join(chance.choices(WORDS, weights, k=9)) for _ in range(QUESTIONS)]


def containing(texts: dict[int, str], query: str, members: BitMap) -> set[int]:
    """Return the members that contain every word of the query, the last one as a prefix."""
    *complete, last = query.split()
    return {
        number
        for number in members
        if all(f" {word} " in texts[number] for word in complete) and f" {last}" in texts[number]
    }


async def check_searches(engine: EmbeddedEngine, world: World, texts: dict[int, str]) -> None:
    chance = random.Random(3)
    everything = BitMap(texts)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    for turn in range(120):
        size = chance.choice([20, 100, 600, 2000, QUESTIONS])
        members = everything if size == QUESTIONS else BitMap(chance.sample(list(texts), size))
        query = " ".join(dict.fromkeys(chance.choices(WORDS, weights, k=chance.randint(1, 3))))
        if turn % 2:
            query = query[: -chance.randint(1, 3)]
        request = world.request(query, members=members, limit=100)
        wanted = containing(texts, query, members)
        matched = await matching_numbers(engine, request, MAX_MATCHES)
        assert len(matched) == len(set(matched))
        assert set(matched) <= set(members)
        if len(wanted) >= MAX_MATCHES:
            assert set(matched) <= wanted
        elif len(wanted) >= ENOUGH_MATCHES:
            assert set(matched) == wanted
        else:
            assert set(matched) >= wanted
            assert len(matched) < ENOUGH_MATCHES + 3 * MAX_PARTIAL_MATCHES + QUESTIONS
        seen: list[int] = []
        for offset in range(0, 1000, 100):
            result = await search(
                engine, world.request(query, members=members, limit=100, offset=offset)
            )
            seen += [hit.number for hit in result.hits]
            if not result.more:
                break
        assert len(seen) == len(set(seen))
        assert len(seen) == min(len(matched), 1000)
        # Exact matches come before corrected and partial ones.
        assert set(seen[: len(wanted)]) <= wanted or len(wanted) >= MAX_MATCHES


async def check_together(engine: EmbeddedEngine, world: World, texts: dict[int, str]) -> None:
    """Check that several searches of one query, run together, find what each finds alone."""
    chance = random.Random(5)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    for turn in range(60):
        query = " ".join(dict.fromkeys(chance.choices(WORDS, weights, k=chance.randint(1, 3))))
        query = query[: len(query) - turn % 3]
        sizes = [chance.choice([0, 20, 90, 110, 600, QUESTIONS]) for _ in range(3)]

        def searches(query: str = query, sizes: list[int] = sizes) -> list[SearchRequest]:
            # New bitmaps each time, so that no cached search is used.
            drawn = random.Random(query)
            sets = [BitMap(drawn.sample(list(texts), size)) for size in sizes]
            return [world.request(query, members=members) for members in sets]

        together = await engine.matching_numbers(searches(), MAX_MATCHES)
        alone = [await matching_numbers(engine, request, MAX_MATCHES) for request in searches()]
        assert together == alone


async def wait_for_lexicon(engine: EmbeddedEngine, world: World) -> None:
    """Wait until the lexicon is loaded in the background: then queries are corrected."""
    async with asyncio.timeout(60):
        while not (await engine.search(world.request("balaf dedef"))).corrected:
            await asyncio.sleep(0.01)


@pytest.mark.slow
def test_searches_find_what_the_model_finds(database: Database, settings: Settings) -> None:
    world = World(database)
    world.bank("science")
    chance = random.Random(1)
    texts = stems(chance)
    published = world.publish_all([{"stem": stem} for stem in texts])

    async def run() -> None:
        async with embedded(database, settings) as engine:
            await wait_until_indexed(engine, world)
            padded = {number: f" {text} " for number, text in zip(published, texts, strict=True)}
            await wait_for_lexicon(engine, world)
            await check_searches(engine, world, padded)
            await check_together(engine, world, padded)

    asyncio.run(run())


def test_long_queries_find_the_question_with_most_of_the_words(
    database: Database, settings: Settings
) -> None:
    world = World(database)
    world.bank("science")
    texts = stems(random.Random(1))
    published = world.publish_all([{"stem": stem} for stem in texts])

    async def run() -> None:
        async with embedded(database, settings) as engine:
            await wait_until_indexed(engine, world)
            await wait_for_lexicon(engine, world)
            for position in (10, 1000, 2900):
                words = list(dict.fromkeys(texts[position].split()))
                query = " ".join(["unheard", *words, "of"])
                result = await search(engine, world.request(query))
                assert result.hits[0].number == published[position]

    asyncio.run(run())
