"""In a bank of thousands every search finds what holds its words, and nothing else."""

import asyncio
import itertools
import random

from pyroaring import BitMap

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded.engine import EmbeddedEngine
from app.search.embedded.finder import ENOUGH, MOST_FEWER
from app.search.embedded.matcher import MOST
from app.search.engine import SearchRequest
from tests.search.embedded.test_contract import embedded
from tests.search.support.worlds import World, caught_up, found, matching

QUESTIONS = 3000
WORDS = ["".join(parts) for parts in itertools.product("bdfgk", "aeiou", "lmnrt", "aeiou", "fgn")]


def stems(chance: random.Random) -> list[str]:
    """Return stems of words that are the rarer the later they stand in the list."""
    weights = [1 / (place + 1) for place in range(len(WORDS))]
    return [" ".join(chance.choices(WORDS, weights, k=9)) for _ in range(QUESTIONS)]


def holding(texts: dict[int, str], query: str, members: BitMap) -> set[int]:
    """Return the members that hold every word of the query, the last as a beginning."""
    *whole, last = query.split()
    return {
        number
        for number in members
        if all(f" {word} " in texts[number] for word in whole) and f" {last}" in texts[number]
    }


async def check(engine: EmbeddedEngine, world: World, texts: dict[int, str]) -> None:
    chance = random.Random(3)
    everything = BitMap(texts)
    ranks = [1 / (place + 1) for place in range(len(WORDS))]
    for turn in range(120):
        some = chance.choice([20, 100, 600, 2000, QUESTIONS])
        members = everything if some == QUESTIONS else BitMap(chance.sample(list(texts), some))
        query = " ".join(dict.fromkeys(chance.choices(WORDS, ranks, k=chance.randint(1, 3))))
        if turn % 2:
            query = query[: -chance.randint(1, 3)]
        asked = world.asked(query, members=members, limit=100)
        wanted = holding(texts, query, members)
        matched = await matching(engine, asked, MOST)
        assert len(matched) == len(set(matched))
        assert set(matched) <= set(members)
        if len(wanted) >= MOST:
            assert set(matched) <= wanted
        elif len(wanted) >= ENOUGH:
            assert set(matched) == wanted
        else:
            assert set(matched) >= wanted
            assert len(matched) < ENOUGH + 3 * MOST_FEWER + QUESTIONS
        seen: list[int] = []
        for offset in range(0, 1000, 100):
            answer = await found(
                engine, world.asked(query, members=members, limit=100, offset=offset)
            )
            seen += [hit.number for hit in answer.hits]
            if not answer.more:
                break
        assert len(seen) == len(set(seen))
        assert len(seen) == min(len(matched), 1000)
        # What was typed comes before what was only meant, or holds less.
        assert set(seen[: len(wanted)]) <= wanted or len(wanted) >= MOST


async def check_together(engine: EmbeddedEngine, world: World, texts: dict[int, str]) -> None:
    """Several searches of one query find what each finds alone."""
    chance = random.Random(5)
    ranks = [1 / (place + 1) for place in range(len(WORDS))]
    for turn in range(60):
        query = " ".join(dict.fromkeys(chance.choices(WORDS, ranks, k=chance.randint(1, 3))))
        query = query[: len(query) - turn % 3]
        sizes = [chance.choice([0, 20, 90, 110, 600, QUESTIONS]) for _ in range(3)]

        def searches(query: str = query, sizes: list[int] = sizes) -> list[SearchRequest]:
            # Other bitmaps each time, so that nothing is remembered.
            drawn = random.Random(query)
            sets = [BitMap(drawn.sample(list(texts), size)) for size in sizes]
            return [world.asked(query, members=members) for members in sets]

        together = await engine.matching_numbers(searches(), MOST)
        alone = [await matching(engine, asked, MOST) for asked in searches()]
        assert together == alone


async def words_known(engine: EmbeddedEngine, world: World) -> None:
    """Wait for the bank's words, which are read in the background: then errors are forgiven."""
    async with asyncio.timeout(60):
        while not (await engine.search(world.asked("balaf dedef"))).corrected:
            await asyncio.sleep(0.01)


def test_every_way_finds_what_is_there(database: Database, settings: Settings) -> None:
    world = World(database)
    world.bank("science")
    chance = random.Random(1)
    texts = stems(chance)
    published = world.publish_all([{"stem": stem} for stem in texts])

    async def whole() -> None:
        async with embedded(database, settings) as engine:
            await caught_up(engine, world)
            padded = {number: f" {text} " for number, text in zip(published, texts, strict=True)}
            await words_known(engine, world)
            await check(engine, world, padded)
            await check_together(engine, world, padded)

    asyncio.run(whole())


def test_long_queries_find_what_holds_most_of_them(database: Database, settings: Settings) -> None:
    world = World(database)
    world.bank("science")
    texts = stems(random.Random(1))
    published = world.publish_all([{"stem": stem} for stem in texts])

    async def whole() -> None:
        async with embedded(database, settings) as engine:
            await caught_up(engine, world)
            await words_known(engine, world)
            for place in (10, 1000, 2900):
                words = list(dict.fromkeys(texts[place].split()))
                query = " ".join(["unheard", *words, "of"])
                answer = await found(engine, world.asked(query))
                assert answer.hits[0].number == published[place]

    asyncio.run(whole())
