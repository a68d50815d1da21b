"""Composes the JSON of questions: from the body caches if possible, else from the database."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.access.rights import AnswerRight
from app.catalog.bodies.byte_cache import (
    ENTRY_OVERHEAD_BYTES,
    ByteCache,
    body_key,
    number_and_revision,
)
from app.catalog.bodies.compressed_cache import CompressedCache, make_compressed_cache
from app.catalog.bodies.live_bodies import (
    CompressedLiveBodies,
    LiveBodies,
    NoLiveBodies,
    PlainLiveBodies,
)
from app.catalog.bodies.process_memory import release_free_memory
from app.catalog.text.text_formats import ConvertedPart, convert, memory_size
from app.core.db.database import Database
from app.core.errors import Problem
from app.published.answers import read_answers
from app.published.document_reader import InlineReader, read_documents, read_range

MEBIBYTE = 1024 * 1024
# The cache of each text format gets 1/RENDERED_DIVISOR of the budget, or RENDERED_MIN_BYTES.
RENDERED_DIVISOR = 8
RENDERED_MIN_BYTES = 4 * MEBIBYTE
# More bodies than this are read in a thread, so that the event loop can serve other requests.
MAX_INLINE_BODIES = 100
# Question numbers that are loaded in one step. The event loop is blocked while a step is cached.
WARM_STEP_NUMBERS = 250
# About this many bodies are sampled to estimate the size of all and to train the compression.
SAMPLE_BODIES = 2_000
# With compressed bodies, one byte in LIVE_DIVISOR of the budget is a slot for a live revision.
LIVE_DIVISOR = 64

Keys = Sequence[int]


@dataclass(slots=True)
class ComposedQuestions:
    """Questions as JSON bytes; `nodes` is a JSON object for the format `nodes`, else None."""

    items: list[bytes]
    nodes: bytes | None = None

    def to_json(self, members: bytes) -> bytes:
        """Return a JSON object with `items`, `nodes` if there are any, and other members."""
        nodes = b"" if self.nodes is None else b'"nodes":%b,' % self.nodes
        # Joining copies the bodies once less than formatting.
        return b"".join((b'{"items":[', b",".join(self.items), b"],", nodes, members, b"}"))


class Composer:
    """One worker's bodies and rendered texts, for one history of the published questions."""

    def __init__(
        self,
        database: Database,
        budget_mb: int,
        revision_of: Callable[[int], int],
        bank_of: Callable[[int], str],
    ) -> None:
        """Read from `database`, cache at most `budget_mb` MiB of bodies.

        `revision_of` returns a number's live revision, 0 for none; `bank_of` its bank.
        """
        self._revision_of = revision_of
        self._bank_of = bank_of
        self._budget = budget = budget_mb * MEBIBYTE
        self._database = database
        self._bodies: ByteCache[bytes] | CompressedCache = ByteCache(budget, len)
        self.live_bodies: LiveBodies = NoLiveBodies()
        self._rendered: dict[tuple[str, str], ByteCache[ConvertedPart]] = {
            (text_format, part): ByteCache(
                max(RENDERED_MIN_BYTES, budget // RENDERED_DIVISOR), memory_size
            )
            for text_format in ("html", "text", "nodes")
            for part in ("public", "answers")
        }
        name = database.engine.url.database
        self._inline = InlineReader(Path(name)) if database.dialect == "sqlite" and name else None

    def compose(
        self, keys: Keys, right: AnswerRight | None, text_format: str, pointer: str
    ) -> ComposedQuestions | Awaitable[ComposedQuestions]:
        """Return the questions of body keys, in order; immediately if that takes no thread.

        `pointer` is the JSON pointer of a question, with {} for its index.
        """
        if right is None:
            if text_format == "markdown":
                bodies = self._read_inline(keys)
                if bodies is not None:
                    return ComposedQuestions(bodies)
            else:
                cached = self._rendered[text_format, "public"].get_many(keys)
                if None not in cached:
                    return _joined([[part] for part in cached if part], text_format, pointer)
        banks = [self._bank_of(number_and_revision(key)[0]) for key in keys]
        return self._compose_in_thread(keys, banks, right, text_format, pointer)

    async def warm(self, largest_number: int) -> None:
        """Load bodies that fit the budget, the newest first, while requests are served."""
        step = largest_number // SAMPLE_BODIES + 1
        sampled = [
            (number, self._revision_of(number)) for number in range(largest_number, 0, -step)
        ]
        compressed = await asyncio.to_thread(self._sample, largest_number, sampled)
        if compressed is None:
            self.live_bodies = PlainLiveBodies(largest_number)
        else:
            slots = min(largest_number, self._budget // LIVE_DIVISOR)
            self._bodies, self.live_bodies = compressed, CompressedLiveBodies(compressed, slots)
        for high in range(largest_number + 1, 0, -WARM_STEP_NUMBERS):
            documents = await asyncio.to_thread(self._read_range, high - WARM_STEP_NUMBERS, high)
            if not self._add_live(documents):
                break
        self._bodies.reverse()
        await asyncio.to_thread(release_free_memory)

    def _sample(
        self, largest_number: int, sampled: Sequence[tuple[int, int]]
    ) -> CompressedCache | None:
        """Return a compressed cache if the bodies of a sample show that not all bodies fit."""
        with self._database.read() as session:
            live = [(number, revision) for number, revision in sampled if revision]
            sample = list(read_documents(session.connection(), live).values())
        sample_bytes = sum(map(len, sample)) + ENTRY_OVERHEAD_BYTES * len(sample)
        expected_bytes = sample_bytes * largest_number // max(1, len(sampled))
        return make_compressed_cache(self._budget, largest_number, expected_bytes, sample)

    def _add_live(self, documents: Sequence[tuple[int, int, bytes]]) -> bool:
        """Cache live bodies, the newest first; return False if there is no room for another."""
        for number, revision, body in reversed(documents):
            if revision == self._revision_of(number):
                if not self._bodies.has_room(body):
                    return False
                self._put(body_key(number, revision), body)
        return True

    def _put(self, key: int, body: bytes) -> None:
        is_cached = self._bodies.put(key, body)
        if self._bodies.has_evicted:
            self.live_bodies.on_eviction()
        number, revision = number_and_revision(key)
        if is_cached and revision == self._revision_of(number):
            self.live_bodies.add(number, key, body)

    def _read_range(self, low: int, high: int) -> list[tuple[int, int, bytes]]:
        with self._database.read() as session:
            return read_range(session.connection(), low, high)

    def _read_inline(self, keys: Keys) -> list[bytes] | None:
        """Return the bodies in order; None if they have to be read in a thread."""
        bodies = self._bodies.get_many(keys)
        if None not in bodies:
            return bodies  # type: ignore[return-value] # no None in it
        missing = _missing(keys, bodies)
        if self._inline is None or len(missing) > MAX_INLINE_BODIES:
            return None
        try:
            found = self._inline.read([number_and_revision(key) for key in missing])
        except sqlite3.Error:
            return None
        if len(found) < len(set(missing)):
            return None
        return _filled(keys, bodies, self._put_missing(missing, found))

    async def _compose_in_thread(
        self,
        keys: Keys,
        banks: Sequence[str],
        right: AnswerRight | None,
        text_format: str,
        pointer: str,
    ) -> ComposedQuestions:
        cached = self._bodies.get_many(keys)
        missing = _missing(keys, cached)
        questions = [
            (*number_and_revision(key), bank) for key, bank in zip(keys, banks, strict=True)
        ]
        found, answers = await asyncio.to_thread(self._read, missing, right, questions)
        bodies = _filled(keys, cached, self._put_missing(missing, found))
        public = await self._render(keys, bodies, text_format, "public")
        if right is None:
            return _joined([[part] for part in public], text_format, pointer)
        answer_bodies = [answers[number] for number, _, _ in questions]
        hidden = await self._render(keys, answer_bodies, text_format, "answers")
        parts = [list(both) for both in zip(public, hidden, strict=True)]
        return _joined(parts, text_format, pointer)

    def _read(
        self, missing: Keys, right: AnswerRight | None, questions: Sequence[tuple[int, int, str]]
    ) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Return the missing bodies, and the answers of (number, revision, bank), by number."""
        if not missing and right is None:
            return {}, {}
        with self._database.read() as session:
            connection = session.connection()
            bodies = read_documents(connection, [number_and_revision(key) for key in missing])
            answers = read_answers(connection, right, questions) if right is not None else {}
        lacking = {number_and_revision(key)[0] for key in missing} - bodies.keys()
        if lacking or (right is not None and len(answers) < len({each[0] for each in questions})):
            # The database was replaced or rewritten; the follower will reload within moments.
            message = "The database no longer contains the questions in memory."
            raise Problem("not_caught_up", message, headers={"Retry-After": "1"})
        return bodies, answers

    async def _render(
        self, keys: Keys, bodies: Sequence[bytes], text_format: str, part: str
    ) -> list[ConvertedPart]:
        if text_format == "markdown":
            return [ConvertedPart(body) for body in bodies]
        cache = self._rendered[text_format, part]
        rendered = cache.get_many(keys)
        missing = [index for index, found in enumerate(rendered) if found is None]
        if missing:
            added = await asyncio.to_thread(
                lambda: [convert(bodies[index], text_format) for index in missing]
            )
            for index, presented in zip(missing, added, strict=True):
                cache.put(keys[index], presented)
                rendered[index] = presented
        return [found for found in rendered if found is not None]

    def _put_missing(self, missing: Keys, found: dict[int, bytes]) -> dict[int, bytes]:
        """Cache the bodies that were found by number, and return them by key."""
        bodies = {key: found[number_and_revision(key)[0]] for key in missing}
        for key, body in bodies.items():
            self._put(key, body)
        return bodies


def _missing(keys: Keys, bodies: Sequence[bytes | None]) -> list[int]:
    return [key for key, body in zip(keys, bodies, strict=True) if body is None]


def _filled(keys: Keys, bodies: Sequence[bytes | None], found: Mapping[int, bytes]) -> list[bytes]:
    """Return bodies with None replaced by what was found under its key."""
    return [found[key] if body is None else body for key, body in zip(keys, bodies, strict=True)]


def _joined(
    questions: Sequence[Sequence[ConvertedPart]], text_format: str, pointer: str
) -> ComposedQuestions:
    """Merge each question's parts, which are JSON objects, into one object."""
    items = [b"{" + b",".join(part.body[1:-1] for part in parts) + b"}" for parts in questions]
    if text_format != "nodes":
        return ComposedQuestions(items)
    nodes = [
        b'"%b%b":%b' % (pointer.format(index).encode(), text_pointer, node)
        for index, parts in enumerate(questions)
        for part in parts
        for text_pointer, node in part.nodes
    ]
    return ComposedQuestions(items, b"{" + b",".join(nodes) + b"}")
