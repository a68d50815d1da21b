"""Makes the bytes of questions: from memory where it holds them, else from the database."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.access.rights import AnswerRight
from app.catalog.documents import OVERHEAD, ByteCache, key_of
from app.catalog.markdown import RENDERER_VERSION
from app.catalog.memory import release
from app.catalog.packing import PackedCache, packed_cache
from app.catalog.presenting import Presented, present, size_of
from app.core.database import Database
from app.core.errors import Problem
from app.published.answers import read_answers
from app.published.reading import InlineReader, read_documents, read_range

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

Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Composed:
    """Questions as they are sent, each its JSON bytes; `nodes` is the JSON object beside them."""

    items: list[bytes]
    nodes: bytes | None = None

    def joined(self, rest: bytes) -> bytes:
        """Return the JSON object of items, nodes where there are any, and `rest` of its members."""
        items = b",".join(self.items)
        if self.nodes is None:
            return b'{"items":[' + items + b"]," + rest + b"}"
        return b'{"items":[' + items + b'],"nodes":' + self.nodes + b"," + rest + b"}"


class Composer:
    """One worker's bodies and rendered texts; another history needs another composer."""

    def __init__(self, database: Database, budget_mb: int) -> None:
        """Read from `database`, keep at most `budget_mb` MiB of bodies."""
        self._budget = budget = budget_mb * MEBIBYTE
        self._database = database
        self._bodies: ByteCache[bytes] | PackedCache = ByteCache(budget, len)
        self._rendered: dict[str, ByteCache[Presented]] = {
            f"{text_format} {part} {RENDERER_VERSION}": ByteCache(
                max(RENDERED_LEAST, budget // RENDERED_PART), size_of
            )
            for text_format in ("html", "text", "nodes")
            for part in ("public", "answers")
        }
        name = database.engine.url.database
        self._inline = InlineReader(Path(name)) if database.dialect == "sqlite" and name else None

    def compose(
        self,
        wanted: Pairs,
        right: AnswerRight | None,
        text_format: str,
        bank_of: Callable[[int], str],
        at: str,
    ) -> Composed | Awaitable[Composed]:
        """Return questions in order; at once where that takes no thread.

        `at` is the JSON pointer of one of them, with {} for its place.
        """
        if right is None:
            if text_format == "markdown":
                bodies = self._immediate(wanted)
                if bodies is not None:
                    return Composed(bodies)
            else:
                kept = self._cache(text_format, "public").many(wanted)
                if None not in kept:
                    return _joined([[part] for part in kept if part], text_format, at)
        banks = [bank_of(number) for number, _ in wanted]
        return self._later(wanted, banks, right, text_format, at)

    async def warm(self, largest: int, revision_of: Callable[[int], int]) -> None:
        """Read ahead what fits the budget, the newest questions first; others are served meanwhile.

        `revision_of` gives a number's live revision, 0 for none.
        """
        step = largest // SAMPLE + 1
        asked = [(number, revision_of(number)) for number in range(largest, 0, -step)]
        packed = await asyncio.to_thread(self._packed, largest, asked)
        self._bodies = packed or self._bodies
        for high in range(largest + 1, 0, -AHEAD):
            found = await asyncio.to_thread(self._read_range, high - AHEAD, high)
            if not self._keep_ahead(found, revision_of):
                break
        self._bodies.turn()
        await asyncio.to_thread(release)

    def _packed(self, largest: int, asked: Pairs) -> PackedCache | None:
        """Return a cache of compressed bodies, where a sample shows that they do not fit."""
        with self._database.read() as session:
            live = [(number, revision) for number, revision in asked if revision]
            sample = list(read_documents(session.connection(), live).values())
        taken = sum(map(len, sample)) + OVERHEAD * len(sample)
        expected = taken * largest // max(1, len(asked))
        return packed_cache(self._budget, largest, expected, sample)

    def _keep_ahead(
        self, found: Sequence[tuple[int, int, bytes]], revision_of: Callable[[int], int]
    ) -> bool:
        """Keep live bodies, the newest first; False when there is no room for another."""
        for number, revision, body in reversed(found):
            if revision == revision_of(number):
                if not self._bodies.has_room(body):
                    return False
                self._bodies.put(key_of(number, revision), body)
        return True

    def _read_range(self, low: int, high: int) -> list[tuple[int, int, bytes]]:
        with self._database.read() as session:
            return read_range(session.connection(), low, high)

    def _immediate(self, wanted: Pairs) -> list[bytes] | None:
        """Return the bodies in order; None where they have to be read in a thread."""
        bodies = self._bodies.many(wanted)
        if None not in bodies:
            return bodies  # type: ignore[return-value] # no None in it
        missing = [pair for pair, body in zip(wanted, bodies, strict=True) if body is None]
        if self._inline is None or len(missing) > INLINE:
            return None
        try:
            found = self._inline.read(missing)
        except sqlite3.Error:
            return None
        if len(found) < len(dict(missing)):
            return None
        self._keep(missing, found)
        return [
            found[number] if body is None else body
            for (number, _), body in zip(wanted, bodies, strict=True)
        ]

    async def _later(
        self,
        wanted: Pairs,
        banks: Sequence[str],
        right: AnswerRight | None,
        text_format: str,
        at: str,
    ) -> Composed:
        bodies = self._bodies.many(wanted)
        missing = [pair for pair, body in zip(wanted, bodies, strict=True) if body is None]
        wanted_answers = [
            (number, revision, bank) for (number, revision), bank in zip(wanted, banks, strict=True)
        ]
        found, answers = await asyncio.to_thread(self._read, missing, right, wanted_answers)
        self._keep(missing, found)
        whole = [
            found[number] if body is None else body
            for (number, _), body in zip(wanted, bodies, strict=True)
        ]
        public = await self._presented(wanted, whole, text_format, "public")
        if right is None:
            return _joined([[part] for part in public], text_format, at)
        hidden = await self._presented(
            wanted, [answers[number] for number, _ in wanted], text_format, "answers"
        )
        return _joined([list(parts) for parts in zip(public, hidden, strict=True)], text_format, at)

    def _read(
        self, missing: Pairs, right: AnswerRight | None, wanted: Sequence[tuple[int, int, str]]
    ) -> tuple[dict[int, bytes], dict[int, bytes]]:
        if not missing and right is None:
            return {}, {}
        with self._database.read() as session:
            connection = session.connection()
            bodies = read_documents(connection, missing)
            answers = read_answers(connection, right, wanted) if right is not None else {}
        expected = {number for number, _ in missing} - bodies.keys()
        if expected or (right is not None and len(answers) < len({pair[0] for pair in wanted})):
            # History is being rewritten: the follower will notice within moments.
            message = "What is in memory is no longer in the database."
            raise Problem("not_caught_up", message, headers={"Retry-After": "1"})
        return bodies, answers

    async def _presented(
        self, wanted: Pairs, bodies: Sequence[bytes], text_format: str, part: str
    ) -> list[Presented]:
        if text_format == "markdown":
            return [Presented(body) for body in bodies]
        cache = self._cache(text_format, part)
        kept = cache.many(wanted)
        missing = [place for place, found in enumerate(kept) if found is None]
        if missing:
            made = await asyncio.to_thread(
                lambda: [present(bodies[place], text_format) for place in missing]
            )
            for place, presented in zip(missing, made, strict=True):
                cache.put(key_of(*wanted[place]), presented)
                kept[place] = presented
        return [found for found in kept if found is not None]

    def _cache(self, text_format: str, part: str) -> ByteCache[Presented]:
        return self._rendered[f"{text_format} {part} {RENDERER_VERSION}"]

    def _keep(self, missing: Pairs, found: dict[int, bytes]) -> None:
        for number, revision in missing:
            self._bodies.put(key_of(number, revision), found[number])


def _joined(parts: Sequence[Sequence[Presented]], text_format: str, at: str) -> Composed:
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
