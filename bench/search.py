"""Measures search: what it finds, how quickly, how late, and how long its indexes take to make."""

import asyncio
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import httpx

from app.access.service import ensure_admin_key
from app.core.db.database import Database
from app.core.db.edition_clock import read_mark
from app.core.settings import Settings
from app.migrating import migrate
from app.search.embedded.engine import CUTOFF_SECONDS, EmbeddedEngine
from app.search.meilisearch.engine import MeilisearchEngine
from app.search.synonyms.snapshot import Thesaurus
from app.starting import load_seed
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from bench.banks import CATEGORIES, DIFFICULTIES
from bench.corpus import SearchBank, keystrokes, prepare_search, queries
from bench.load import URL, Work, load, middle, serving
from bench.prepared import KEY, settings_of
from bench.relevance import Score, finder, judgements, relevance
from bench.report import Report, percentile
from tests.support.meili.real import RealMeili, binary

SIZES = [int(size) for size in os.environ.get("BENCH_SEARCH_SIZES", "100000,1000000").split(",")]
MIRRORED = 100_000
PREFIX = "bench"
MEILISEARCH = "Meilisearch"
HEADERS = {"Authorization": f"Bearer {KEY}"}
TYPED = 400
MEASURED = 1_000
PUBLICATIONS = 200
LONGEST = 3600.0
TARGET_MS = 30.0
FOUND_MS = 400.0
UNAVAILABLE = 503


Engines = dict[str, dict[str, str]]
"""Each engine that is measured, and the settings that choose it."""


def measure_search(report: Report, folder: Path) -> None:
    """Add every table about search to the report; `folder` takes the data."""
    with _environment(folder) as mirrored:
        engines: Engines = {"embedded": {}} | ({MEILISEARCH: mirrored} if mirrored else {})
        _relevance(report, folder, engines)
        banks = [prepare_search(folder / f"search-{size}", size) for size in SIZES]
        built = {bank.count: build_seconds(bank.folder) for bank in banks}
        _typing(report, banks, folder)
        _delays(report, banks, built, engines)
        for bank in banks:
            shutil.rmtree(bank.folder)
    if len(engines) == 1:
        report.text(
            "No Meilisearch was measured: name one, by MEILI_BINARY or by MEILI_URL and MEILI_KEY."
        )


@contextmanager
def _environment(folder: Path) -> Iterator[dict[str, str]]:
    """Give the settings that name a Meilisearch; none where there is none.

    A stand-in would say nothing of how quickly a Meilisearch indexes, nor of what it finds.
    """
    prefix = {"QUIZWELL_SEARCH_PREFIX": f"{PREFIX}-{os.getpid()}"}
    program, url = binary(), os.environ.get("MEILI_URL")
    if program:
        with RealMeili(program, folder / "meilisearch") as real:
            yield {"MEILI_URL": real.url, "MEILI_KEY": real.key} | prefix
    elif url:
        yield {"MEILI_URL": url, "MEILI_KEY": os.environ.get("MEILI_KEY", "")} | prefix
    else:
        yield {}


def _mirrored(settings: Settings, environment: Mapping[str, str]) -> Settings:
    change = {
        "meili_url": environment["MEILI_URL"],
        "meili_key": environment["MEILI_KEY"],
        "search_prefix": environment["QUIZWELL_SEARCH_PREFIX"],
    }
    return settings.model_copy(update=change)


def _relevance(report: Report, folder: Path, engines: Engines) -> None:
    found = {
        engine: seed_relevance(folder / f"seed-{place}", more)
        for place, (engine, more) in enumerate(engines.items())
    }
    rows = [
        (part, score.queries, *(_scores(found[engine][part]) for engine in engines))
        for part, score in found["embedded"].items()
    ]
    title = f"What is found: {len(judgements())} judged queries over the seed bank"
    report.table(title, ("queries", "", *(f"{engine}: MRR, recall@10" for engine in engines)), rows)


def _scores(score: Score) -> str:
    return f"{score.mrr:.3f}, {score.recall:.3f}"


def seed_relevance(folder: Path, environment: dict[str, str]) -> dict[str, Score]:
    """Return the scores over the seed bank, served with what `environment` adds."""
    bank = SearchBank(0, folder, [])
    settings = settings_of(folder)
    folder.mkdir(parents=True)
    database = Database(settings)
    migrate(database)
    with database.write() as session:
        ensure_admin_key(session, settings)
    load_seed(database, settings, lambda _: None)
    database.close()
    with (
        serving("app.main:create_app", "/readyz", bank.environment | environment),
        httpx.Client(base_url=URL, headers=HEADERS) as client,
    ):
        _await_index(client)
        scores = relevance(finder(client, client), judgements())
    shutil.rmtree(folder)
    return scores


def build_seconds(folder: Path) -> float:
    """Return how long the embedded index over a folder's bank takes from nothing."""
    settings = settings_of(folder)
    for path in folder.glob("search-*"):
        path.unlink()
    database = Database(settings)
    engine = EmbeddedEngine(database, settings)
    spent = asyncio.run(_until_reached(engine, database))
    engine.close()
    database.close()
    return spent


def mirror_seconds(bank: SearchBank, environment: Mapping[str, str]) -> float:
    """Return how long a bank takes until all of it can be found on the server."""
    settings = _mirrored(settings_of(bank.folder), environment)
    database = Database(settings)
    engine = MeilisearchEngine(database, settings, VocabularySnapshot(), Thesaurus())
    spent = asyncio.run(_until_reached(engine, database))
    database.close()
    return spent


async def _until_reached(engine: EmbeddedEngine | MeilisearchEngine, database: Database) -> float:
    with database.read() as session:
        clock = read_mark(session)
    began = time.monotonic()
    running = asyncio.create_task(engine.run())
    if not await engine.reach(clock, LONGEST):
        message = f"the index of {engine.name} was not made within an hour"
        raise RuntimeError(message)
    spent = time.monotonic() - began
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return spent


def _typing(report: Report, banks: Sequence[SearchBank], folder: Path) -> None:
    rows: list[tuple[object, ...]] = []
    cut: list[str] = []
    for bank in banks:
        typed = keystrokes(bank, TYPED)
        plain = [f"/v1/search?{urlencode({'q': text, 'limit': 10})}" for text in typed]
        narrow = narrowed(bank)
        with serving("app.main:create_app", "/readyz", bank.environment) as server:
            with httpx.Client(base_url=URL, timeout=60) as client:
                _await_index(client)
                single, refused = latencies(client, plain)
                filtered, more = latencies(client, narrow)
            found = middle(load([Work(server, plain)], folder)[0])
        title = f"{bank.count:,}"
        rows += [
            (title, "as you type, alone", "", *_times(single), ""),
            (title, "16 at once", f"{found.rate:,.0f}", f"{found.p50:.1f}", f"{found.p99:.1f}", ""),
            (
                title,
                "slip, prefix, two filters, facets, alone",
                "",
                *_times(filtered),
                _target(bank, percentile(filtered, 0.99)),
            ),
            (title, "plain LIKE, as you type, alone", "", *_times(plain_like(bank, typed)), ""),
        ]
        cut.append(f"{refused + more} of {len(plain[:MEASURED]) + len(narrow)} at {title}")
    head = ("questions", "", "requests/s", "p50 ms", "p99 ms", "target")
    report.table("Search as you type, embedded", head, rows)
    report.text(
        f"Searches alone that were refused, since they took longer than {CUTOFF_SECONDS} s: "
        f"{', '.join(cut)}. Their times count like others."
    )


def narrowed(bank: SearchBank) -> list[str]:
    """Return addresses with a slip, an unfinished word, two filters and facets."""
    chance = random.Random(2)
    found = []
    for query in queries(bank, MEASURED, chance):
        asked = {
            "q": query[: max(2, len(query) - 2)],
            "category": chance.choice(CATEGORIES),
            "difficulty": chance.choice(DIFFICULTIES),
            "facets": "true",
            "limit": 10,
        }
        found.append(f"/v1/search?{urlencode(asked)}")
    return found


def latencies(client: httpx.Client, paths: Sequence[str]) -> tuple[list[float], int]:
    """Return the ms of searches sent one after another, ascending, and how many were refused."""
    spent, refused = [], 0
    for path in paths[:MEASURED]:
        began = time.perf_counter()
        answer = client.get(path)
        spent.append((time.perf_counter() - began) * 1000)
        if answer.status_code == UNAVAILABLE:
            refused += 1
        else:
            answer.raise_for_status()
    return sorted(spent), refused


def plain_like(bank: SearchBank, typed: Sequence[str]) -> list[float]:
    """Return the ms of `LIKE` for each word over a table of the stems, ascending."""
    source = sqlite3.connect(bank.folder / "quizwell.db")
    table = sqlite3.connect(bank.folder / "like.db")
    table.execute("CREATE TABLE questions (number INTEGER PRIMARY KEY, stem TEXT NOT NULL)")
    documents = source.execute("SELECT number, body FROM documents")
    table.executemany(
        "INSERT INTO questions VALUES (?, json_extract(CAST(? AS TEXT), '$.stem'))", documents
    )
    table.commit()
    source.close()
    spent = []
    for text in random.Random(3).sample(list(typed), min(200, len(typed))):
        words = text.split()
        condition = " AND ".join("stem LIKE ?" for _ in words)
        statement = f"SELECT number, stem FROM questions WHERE {condition} LIMIT 10"  # noqa: S608
        began = time.perf_counter()
        table.execute(statement, [f"%{word}%" for word in words]).fetchall()
        spent.append((time.perf_counter() - began) * 1000)
    table.close()
    return sorted(spent)


def _delays(
    report: Report,
    banks: Sequence[SearchBank],
    built: Mapping[int, float],
    engines: Engines,
) -> None:
    rows = [
        (f"embedded index of {count:,} questions made anew", f"{spent:.1f} s", "")
        for count, spent in built.items()
    ]
    bank = next((bank for bank in banks if bank.count == MIRRORED), banks[0])
    if MEILISEARCH in engines:
        mirrored = mirror_seconds(bank, engines[MEILISEARCH])
        rows.append(
            (f"{bank.count:,} questions mirrored into {MEILISEARCH}", f"{mirrored:.1f} s", "")
        )
    for engine, more in engines.items():
        delays = publish_to_found(bank, more)
        p99 = percentile(delays, 0.99)
        verdict = f"{FOUND_MS:.0f} ms: {'met' if p99 < FOUND_MS else 'missed'}"
        what = f"publish → found, {engine}, {bank.count:,} questions"
        rows += [
            (f"{what}, p50", f"{percentile(delays, 0.5):.0f} ms", ""),
            (f"{what}, p99", f"{p99:.0f} ms", verdict),
        ]
    report.table("Indexes", ("", "measured", "target"), rows)


def publish_to_found(bank: SearchBank, environment: dict[str, str]) -> list[float]:
    """Return, in ms, how long after its answer each publication was found, ascending.

    Searches forgive slips, so that another publication may be found first: its own id has to be.
    """
    delays = []
    with (
        serving("app.main:create_app", "/readyz", bank.environment | environment),
        httpx.Client(base_url=URL, headers=HEADERS, timeout=60) as client,
    ):
        _await_index(client)
        for number in range(PUBLICATIONS):
            word = f"unheard{number:03d}of"
            question = {
                "bank": "bench",
                "kind": "true_false",
                "stem": f"Is it {word}?",
                "difficulty": "easy",
                "answer": {"value": True},
            }
            made = client.post("/v1/editing/questions?publish=true", json=question)
            made_id = made.raise_for_status().json()["id"]
            began = time.perf_counter()
            while made_id not in _found(client, word):
                pass
            delays.append((time.perf_counter() - began) * 1000)
    return sorted(delays)


def _found(client: httpx.Client, word: str) -> set[str]:
    found = client.get("/v1/search", params={"q": word}).raise_for_status().json()
    return {item["id"] for item in found["items"]}


def _await_index(client: httpx.Client) -> None:
    edition = client.get("/v1/facets").headers["Quizwell-Edition"]
    headers = {"Quizwell-Min-Edition": edition}
    deadline = time.monotonic() + LONGEST
    while client.get("/v1/search?q=a", headers=headers).status_code == 503:
        if time.monotonic() > deadline:
            message = "the search index was not made within an hour"
            raise RuntimeError(message)


def _times(spent: Sequence[float]) -> tuple[str, str]:
    return f"{percentile(spent, 0.5):.1f}", f"{percentile(spent, 0.99):.1f}"


def _target(bank: SearchBank, p99: float) -> str:
    if bank.count != MIRRORED:
        return ""
    return f"{TARGET_MS:.0f} ms: {'met' if p99 < TARGET_MS else 'missed'}"
