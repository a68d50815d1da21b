"""Measures search: relevance, latency, delay after a publication, and the building of indexes."""

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
from app.search.synonyms.snapshot import SynonymSnapshot
from app.starting import load_seed
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from bench.banks import CATEGORIES, DIFFICULTIES
from bench.corpus import SearchBank, keystrokes, prepare_search, queries
from bench.load import URL, Work, load, medians, serving
from bench.prepared import KEY, settings_of
from bench.relevance import Score, load_judgements, mean_scores, search_over_http
from bench.report import Report, percentile
from tests.support.meili.real import RealMeili, binary_path

SIZES = [int(size) for size in os.environ.get("BENCH_SEARCH_SIZES", "100000,1000000").split(",")]
MIRRORED_QUESTIONS = 100_000
INDEX_PREFIX = "bench"
MEILISEARCH = "Meilisearch"
HEADERS = {"Authorization": f"Bearer {KEY}"}
TYPED_QUERIES = 400
MEASURED_SEARCHES = 1_000
PUBLICATIONS = 200
BUILD_TIMEOUT_SECONDS = 3600.0
FILTERED_SEARCH_TARGET_MS = 30.0
PUBLISH_TO_FOUND_TARGET_MS = 400.0
UNAVAILABLE = 503

# The engines to measure, each with the settings that choose it.
Engines = dict[str, dict[str, str]]


def measure_search(report: Report, folder: Path) -> None:
    """Add all tables about search to the report; the data goes into `folder`."""
    with _meilisearch_settings(folder) as meilisearch:
        engines: Engines = {"embedded": {}} | ({MEILISEARCH: meilisearch} if meilisearch else {})
        _report_relevance(report, folder, engines)
        banks = [prepare_search(folder / f"search-{size}", size) for size in SIZES]
        index_build_seconds = {bank.count: index_build_seconds(bank.folder) for bank in banks}
        _report_typing(report, banks, folder)
        _report_indexes(report, banks, index_build_seconds, engines)
        for bank in banks:
            shutil.rmtree(bank.folder)
    if len(engines) == 1:
        report.text("Meilisearch was not measured: set MEILI_BINARY, or MEILI_URL and MEILI_KEY.")


@contextmanager
def _meilisearch_settings(folder: Path) -> Iterator[dict[str, str]]:
    """Give the settings of a real Meilisearch server, started if necessary; empty without one.

    The fake server of the tests has neither the speed nor the relevance of a real one.
    """
    prefix = {"QUIZWELL_SEARCH_PREFIX": f"{INDEX_PREFIX}-{os.getpid()}"}
    program, url = binary_path(), os.environ.get("MEILI_URL")
    if program:
        with RealMeili(program, folder / "meilisearch") as real:
            yield {"MEILI_URL": real.url, "MEILI_KEY": real.key} | prefix
    elif url:
        yield {"MEILI_URL": url, "MEILI_KEY": os.environ.get("MEILI_KEY", "")} | prefix
    else:
        yield {}


def _with_meilisearch(settings: Settings, environment: Mapping[str, str]) -> Settings:
    changes = {
        "meili_url": environment["MEILI_URL"],
        "meili_key": environment["MEILI_KEY"],
        "search_prefix": environment["QUIZWELL_SEARCH_PREFIX"],
    }
    return settings.model_copy(update=changes)


def _report_relevance(report: Report, folder: Path, engines: Engines) -> None:
    scores = {
        engine: seed_relevance(folder / f"seed-{index}", settings)
        for index, (engine, settings) in enumerate(engines.items())
    }
    rows = [
        (part, score.queries, *(_formatted(scores[engine][part]) for engine in engines))
        for part, score in scores["embedded"].items()
    ]
    title = f"What is found: {len(load_judgements())} judged queries over the seed bank"
    report.table(title, ("queries", "", *(f"{engine}: MRR, recall@10" for engine in engines)), rows)


def _formatted(score: Score) -> str:
    return f"{score.mrr:.3f}, {score.recall:.3f}"


def seed_relevance(folder: Path, environment: dict[str, str]) -> dict[str, Score]:
    """Return the scores over the seed bank, served with these additional settings."""
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
        _wait_for_index(client)
        scores = mean_scores(search_over_http(client, client), load_judgements())
    shutil.rmtree(folder)
    return scores


def index_build_seconds(folder: Path) -> float:
    """Return the seconds that building the embedded index of a folder's bank takes."""
    settings = settings_of(folder)
    for path in folder.glob("search-*"):
        path.unlink()
    database = Database(settings)
    engine = EmbeddedEngine(database, settings)
    seconds = asyncio.run(_seconds_until_indexed(engine, database))
    engine.close()
    database.close()
    return seconds


def mirror_seconds(bank: SearchBank, environment: Mapping[str, str]) -> float:
    """Return the seconds until all questions of a bank can be found on the server."""
    settings = _with_meilisearch(settings_of(bank.folder), environment)
    database = Database(settings)
    engine = MeilisearchEngine(database, settings, VocabularySnapshot(), SynonymSnapshot())
    seconds = asyncio.run(_seconds_until_indexed(engine, database))
    database.close()
    return seconds


async def _seconds_until_indexed(
    engine: EmbeddedEngine | MeilisearchEngine, database: Database
) -> float:
    with database.read() as session:
        clock = read_mark(session)
    started_at = time.monotonic()
    running = asyncio.create_task(engine.run())
    if not await engine.wait_for_mark(clock, BUILD_TIMEOUT_SECONDS):
        message = f"the index of {engine.name} was not built within an hour"
        raise RuntimeError(message)
    seconds = time.monotonic() - started_at
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return seconds


def _report_typing(report: Report, banks: Sequence[SearchBank], folder: Path) -> None:
    rows: list[tuple[object, ...]] = []
    refused_searches: list[str] = []
    for bank in banks:
        typed = keystrokes(bank, TYPED_QUERIES)
        plain = [f"/v1/search?{urlencode({'q': text, 'limit': 10})}" for text in typed]
        filtered = filtered_paths(bank)
        with serving("app.main:create_app", "/readyz", bank.environment) as server:
            with httpx.Client(base_url=URL, timeout=60) as client:
                _wait_for_index(client)
                plain_ms, plain_refused = latencies(client, plain)
                filtered_ms, filtered_refused = latencies(client, filtered)
            found = medians(load([Work(server, plain)], folder)[0])
        title = f"{bank.count:,}"
        rows += [
            (title, "as you type, alone", "", *_p50_and_p99(plain_ms), ""),
            (title, "16 at once", f"{found.rate:,.0f}", f"{found.p50:.1f}", f"{found.p99:.1f}", ""),
            (
                title,
                "slip, prefix, two filters, facets, alone",
                "",
                *_p50_and_p99(filtered_ms),
                _verdict(bank, percentile(filtered_ms, 0.99)),
            ),
            (
                title,
                "plain LIKE, as you type, alone",
                "",
                *_p50_and_p99(like_latencies(bank, typed)),
                "",
            ),
        ]
        refused = plain_refused + filtered_refused
        sent = len(plain[:MEASURED_SEARCHES]) + len(filtered)
        refused_searches.append(f"{refused} of {sent} at {title}")
    head = ("questions", "", "requests/s", "p50 ms", "p99 ms", "target")
    report.table("Search as you type, embedded", head, rows)
    report.text(
        f"Searches alone that were refused because they took longer than {CUTOFF_SECONDS} s: "
        f"{', '.join(refused_searches)}. Their times are included."
    )


def filtered_paths(bank: SearchBank) -> list[str]:
    """Return paths of searches with typing errors, an unfinished word, two filters and facets."""
    chance = random.Random(2)
    paths = []
    for query in queries(bank, MEASURED_SEARCHES, chance):
        parameters = {
            "q": query[: max(2, len(query) - 2)],
            "category": chance.choice(CATEGORIES),
            "difficulty": chance.choice(DIFFICULTIES),
            "facets": "true",
            "limit": 10,
        }
        paths.append(f"/v1/search?{urlencode(parameters)}")
    return paths


def latencies(client: httpx.Client, paths: Sequence[str]) -> tuple[list[float], int]:
    """Send searches one after another; return their ms, ascending, and how many were refused."""
    milliseconds, refused = [], 0
    for path in paths[:MEASURED_SEARCHES]:
        started_at = time.perf_counter()
        response = client.get(path)
        milliseconds.append((time.perf_counter() - started_at) * 1000)
        if response.status_code == UNAVAILABLE:
            refused += 1
        else:
            response.raise_for_status()
    return sorted(milliseconds), refused


def like_latencies(bank: SearchBank, typed: Sequence[str]) -> list[float]:
    """Return the ms of queries with a LIKE for each word over a table of stems, ascending."""
    source = sqlite3.connect(bank.folder / "quizwell.db")
    table = sqlite3.connect(bank.folder / "like.db")
    table.execute("CREATE TABLE questions (number INTEGER PRIMARY KEY, stem TEXT NOT NULL)")
    documents = source.execute("SELECT number, body FROM documents")
    table.executemany(
        "INSERT INTO questions VALUES (?, json_extract(CAST(? AS TEXT), '$.stem'))", documents
    )
    table.commit()
    source.close()
    milliseconds = []
    for text in random.Random(3).sample(list(typed), min(200, len(typed))):
        words = text.split()
        condition = " AND ".join("stem LIKE ?" for _ in words)
        statement = f"SELECT number, stem FROM questions WHERE {condition} LIMIT 10"  # noqa: S608
        started_at = time.perf_counter()
        table.execute(statement, [f"%{word}%" for word in words]).fetchall()
        milliseconds.append((time.perf_counter() - started_at) * 1000)
    table.close()
    return sorted(milliseconds)


def _report_indexes(
    report: Report,
    banks: Sequence[SearchBank],
    index_build_seconds: Mapping[int, float],
    engines: Engines,
) -> None:
    rows = [
        (f"embedded index of {count:,} questions made anew", f"{seconds:.1f} s", "")
        for count, seconds in index_build_seconds.items()
    ]
    bank = next((bank for bank in banks if bank.count == MIRRORED_QUESTIONS), banks[0])
    if MEILISEARCH in engines:
        seconds = mirror_seconds(bank, engines[MEILISEARCH])
        rows.append(
            (f"{bank.count:,} questions mirrored into {MEILISEARCH}", f"{seconds:.1f} s", "")
        )
    for engine, settings in engines.items():
        delays = publish_to_found_delays(bank, settings)
        p99 = percentile(delays, 0.99)
        verdict = _met_or_missed(p99, PUBLISH_TO_FOUND_TARGET_MS)
        label = f"publish → found, {engine}, {bank.count:,} questions"
        rows += [
            (f"{label}, p50", f"{percentile(delays, 0.5):.0f} ms", ""),
            (f"{label}, p99", f"{p99:.0f} ms", verdict),
        ]
    report.table("Indexes", ("", "measured", "target"), rows)


def publish_to_found_delays(bank: SearchBank, environment: dict[str, str]) -> list[float]:
    """Return for each publication the ms from its response until a search finds it, ascending.

    The search must find the publication's own id, because a correction may find another one.
    """
    delays = []
    with (
        serving("app.main:create_app", "/readyz", bank.environment | environment),
        httpx.Client(base_url=URL, headers=HEADERS, timeout=60) as client,
    ):
        _wait_for_index(client)
        for number in range(PUBLICATIONS):
            word = f"unheard{number:03d}of"
            question = {
                "bank": "bench",
                "kind": "true_false",
                "stem": f"Is it {word}?",
                "difficulty": "easy",
                "answer": {"value": True},
            }
            response = client.post("/v1/editing/questions?publish=true", json=question)
            question_id = response.raise_for_status().json()["id"]
            started_at = time.perf_counter()
            while question_id not in _found_ids(client, word):
                pass
            delays.append((time.perf_counter() - started_at) * 1000)
    return sorted(delays)


def _found_ids(client: httpx.Client, word: str) -> set[str]:
    page = client.get("/v1/search", params={"q": word}).raise_for_status().json()
    return {item["id"] for item in page["items"]}


def _wait_for_index(client: httpx.Client) -> None:
    edition = client.get("/v1/facets").headers["Quizwell-Edition"]
    headers = {"Quizwell-Min-Edition": edition}
    deadline = time.monotonic() + BUILD_TIMEOUT_SECONDS
    while client.get("/v1/search?q=a", headers=headers).status_code == 503:
        if time.monotonic() > deadline:
            message = "the search index was not built within an hour"
            raise RuntimeError(message)


def _p50_and_p99(milliseconds: Sequence[float]) -> tuple[str, str]:
    return f"{percentile(milliseconds, 0.5):.1f}", f"{percentile(milliseconds, 0.99):.1f}"


def _verdict(bank: SearchBank, p99: float) -> str:
    """Return the verdict on filtered searches; the target is for one size of bank only."""
    if bank.count != MIRRORED_QUESTIONS:
        return ""
    return _met_or_missed(p99, FILTERED_SEARCH_TARGET_MS)


def _met_or_missed(milliseconds: float, target: float) -> str:
    return f"{target:.0f} ms: {'met' if milliseconds < target else 'missed'}"
