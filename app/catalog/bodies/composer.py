"""Makes the bytes of questions: from memory where it holds them, else from the database."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from app.access.rights import AnswerRight
from app.catalog.bodies.byte_cache import OVERHEAD, ByteCache, key_of, pair_of
from app.catalog.bodies.compressed_cache import PackedCache, packed_cache
from app.catalog.bodies.live_bodies import LiveBodies, NoLive, PackedLive, PlainLive
from app.catalog.bodies.process_memory import gather, release
from app.catalog.text.markdown import RENDERER_VERSION
from app.catalog.text.text_formats import ConvertedPart, convert, memory_size
from app.core.db.database import Database
from app.core.errors import Problem
from app.published.answers import read_answers
from app.published.document_reader import InlineReader, read_documents, read_range

MEBIBYTE = 1024 * 1024
# Rendered texts get this part of the budget, and at least so many bytes.
RENDERED_PART = 8
RENDERED_LEAST = 4 * MEBIBYTE
# More than these are read in a thread: the event loop has others to serve.
INLINE = 100
# So many numbers are read ahead in one piece, which is kept while nobody else is served.
AHEAD = 250
# About so many bodies show what all of them take and what they have in common.
SAMPLE = 2_000
# One number in so many bytes of the budget has a place of its own beside packed bodies.
LIVE_PART = 64

Keys = Sequence[int]


class Composed(NamedTuple):
    """Questions as they are sent, each its JSON bytes; `nodes` is the JSON object beside them."""

    items: list[bytes]
    nodes: bytes | None = None

    def joined(self, rest: bytes) -> bytes:
        """Return the JSON object of items, nodes where there are any, and `rest` of its members."""
        nodes = b"" if self.nodes is None else b'"nodes":%b,' % self.nodes
        return b'{"items":[%b],%b%b}' % (b",".join(self.items), nodes, rest)


class Composer:
    """One worker's bodies and rendered texts; another history needs another composer."""

    def __init__(
        self, database: Database, budget_mb: int, revision_of: Callable[[int], int]
    ) -> None:
        """Read from `database`, keep at most `budget_mb` MiB of bodies.

        `revision_of` gives a number's live revision, 0 for none.
        """
        self._revision_of = revision_of
        self._budget = budget = budget_mb * MEBIBYTE
        self._database = database
        self._bodies: ByteCache[bytes] | PackedCache = ByteCache(budget, len)
        self._live: LiveBodies = NoLive()
        self._rendered: dict[str, ByteCache[ConvertedPart]] = {
            f"{text_format} {part} {RENDERER_VERSION}": ByteCache(
                max(RENDERED_LEAST, budget // RENDERED_PART), memory_size
            )
            for text_format in ("html", "text", "nodes")
            for part in ("public", "answers")
        }
        name = database.engine.url.database
        self._inline = InlineReader(Path(name)) if database.dialect == "sqlite" and name else None

    def compose(
        self,
        keys: Keys,
        right: AnswerRight | None,
        text_format: str,
        bank_of: Callable[[int], str],
        at: str,
    ) -> Composed | Awaitable[Composed]:
        """Return the questions of keys in order; at once where that takes no thread.

        `at` is the JSON pointer of one of them, with {} for its place.
        """
        if right is None:
            if text_format == "markdown":
                bodies = self._immediate(keys)
                if bodies is not None:
                    return Composed(bodies)
            else:
                kept = self._cache(text_format, "public").many(keys)
                if None not in kept:
                    return _joined([[part] for part in kept if part], text_format, at)
        banks = [bank_of(pair_of(key)[0]) for key in keys]
        return self._later(keys, banks, right, text_format, at)

    def live(self, numbers: Sequence[int]) -> list[bytes] | None:
        """Return the live bodies of numbers, in order, where all of them are at hand."""
        return self._live.of(numbers)

    def forget(self, numbers: Sequence[int]) -> None:
        """Take note that other revisions of numbers are live now, or none."""
        self._live.forget(numbers)

    async def warm(self, largest: int) -> None:
        """Read ahead what fits the budget, the newest first; others are served meanwhile."""
        step = largest // SAMPLE + 1
        asked = [(number, self._revision_of(number)) for number in range(largest, 0, -step)]
        packed = await asyncio.to_thread(self._packed, largest, asked)
        if packed is None:
            self._live = PlainLive(largest)
        else:
            within = min(largest, self._budget // LIVE_PART)
            self._bodies, self._live = packed, PackedLive(packed, within)
        for high in range(largest + 1, 0, -AHEAD):
            found = await asyncio.to_thread(self._read_range, high - AHEAD, high)
            if not self._keep_ahead(found):
                break
        self._bodies.turn()
        await asyncio.to_thread(release)
        await asyncio.to_thread(gather)

    def _packed(self, largest: int, asked: Sequence[tuple[int, int]]) -> PackedCache | None:
        """Return a cache of compressed bodies, where a sample shows that they do not fit."""
        with self._database.read() as session:
            live = [(number, revision) for number, revision in asked if revision]
            sample = list(read_documents(session.connection(), live).values())
        taken = sum(map(len, sample)) + OVERHEAD * len(sample)
        expected = taken * largest // max(1, len(asked))
        return packed_cache(self._budget, largest, expected, sample)

    def _keep_ahead(self, found: Sequence[tuple[int, int, bytes]]) -> bool:
        """Keep live bodies, the newest first; False when there is no room for another."""
        for number, revision, body in reversed(found):
            if revision == self._revision_of(number):
                if not self._bodies.has_room(body):
                    return False
                self._put(key_of(number, revision), body)
        return True

    def _put(self, key: int, body: bytes) -> None:
        is_kept = self._bodies.put(key, body)
        if self._bodies.is_full:
            self._live.let_go()
        number, revision = pair_of(key)
        if is_kept and revision == self._revision_of(number):
            self._live.note(number, key, body)

    def _read_range(self, low: int, high: int) -> list[tuple[int, int, bytes]]:
        with self._database.read() as session:
            return read_range(session.connection(), low, high)

    def _immediate(self, keys: Keys) -> list[bytes] | None:
        """Return the bodies in order; None where they have to be read in a thread."""
        bodies = self._bodies.many(keys)
        if None not in bodies:
            return bodies  # type: ignore[return-value] # no None in it
        missing = _missing(keys, bodies)
        if self._inline is None or len(missing) > INLINE:
            return None
        try:
            found = self._inline.read([pair_of(key) for key in missing])
        except sqlite3.Error:
            return None
        if len(found) < len(set(missing)):
            return None
        return _filled(keys, bodies, self._keep(missing, found))

    async def _later(
        self,
        keys: Keys,
        banks: Sequence[str],
        right: AnswerRight | None,
        text_format: str,
        at: str,
    ) -> Composed:
        kept = self._bodies.many(keys)
        missing = _missing(keys, kept)
        asked = [(*pair_of(key), bank) for key, bank in zip(keys, banks, strict=True)]
        found, answers = await asyncio.to_thread(self._read, missing, right, asked)
        bodies = _filled(keys, kept, self._keep(missing, found))
        public = await self._presented(keys, bodies, text_format, "public")
        if right is None:
            return _joined([[part] for part in public], text_format, at)
        hidden = await self._presented(
            keys, [answers[number] for number, _, _ in asked], text_format, "answers"
        )
        return _joined([list(parts) for parts in zip(public, hidden, strict=True)], text_format, at)

    def _read(
        self, missing: Keys, right: AnswerRight | None, asked: Sequence[tuple[int, int, str]]
    ) -> tuple[dict[int, bytes], dict[int, bytes]]:
        if not missing and right is None:
            return {}, {}
        with self._database.read() as session:
            connection = session.connection()
            bodies = read_documents(connection, [pair_of(key) for key in missing])
            answers = read_answers(connection, right, asked) if right is not None else {}
        expected = {pair_of(key)[0] for key in missing} - bodies.keys()
        if expected or (right is not None and len(answers) < len({each[0] for each in asked})):
            # History is being rewritten: the follower will notice within moments.
            message = "What is in memory is no longer in the database."
            raise Problem("not_caught_up", message, headers={"Retry-After": "1"})
        return bodies, answers

    async def _presented(
        self, keys: Keys, bodies: Sequence[bytes], text_format: str, part: str
    ) -> list[ConvertedPart]:
        if text_format == "markdown":
            return [ConvertedPart(body) for body in bodies]
        cache = self._cache(text_format, part)
        kept = cache.many(keys)
        missing = [place for place, found in enumerate(kept) if found is None]
        if missing:
            made = await asyncio.to_thread(
                lambda: [convert(bodies[place], text_format) for place in missing]
            )
            for place, presented in zip(missing, made, strict=True):
                cache.put(keys[place], presented)
                kept[place] = presented
        return [found for found in kept if found is not None]

    def _cache(self, text_format: str, part: str) -> ByteCache[ConvertedPart]:
        return self._rendered[f"{text_format} {part} {RENDERER_VERSION}"]

    def _keep(self, missing: Keys, found: dict[int, bytes]) -> dict[int, bytes]:
        """Keep the bodies that were found by number, and return them by key."""
        read = {key: found[pair_of(key)[0]] for key in missing}
        for key, body in read.items():
            self._put(key, body)
        return read


def _missing(keys: Keys, bodies: Sequence[bytes | None]) -> list[int]:
    return [key for key, body in zip(keys, bodies, strict=True) if body is None]


def _filled(keys: Keys, bodies: Sequence[bytes | None], read: Mapping[int, bytes]) -> list[bytes]:
    """Return bodies, those that are None taken from what was read."""
    return [read[key] if body is None else body for key, body in zip(keys, bodies, strict=True)]


def _joined(parts: Sequence[Sequence[ConvertedPart]], text_format: str, at: str) -> Composed:
    """Join each question's parts, which are JSON objects, to one object."""
    items = [b"{" + b",".join(part.body[1:-1] for part in question) + b"}" for question in parts]
    if text_format != "nodes":
        return Composed(items)
    nodes = [
        b'"%b%b":%b' % (at.format(place).encode(), pointer, node)
        for place, question in enumerate(parts)
        for part in question
        for pointer, node in part.nodes
    ]
    return Composed(items, b"{" + b",".join(nodes) + b"}")
