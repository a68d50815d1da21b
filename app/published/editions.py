"""The edition in responses: a sealed mark, which clients can send back but not read."""

import asyncio
from functools import lru_cache

from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.errors import Problem
from app.core.secrets import Secrets, TokenError
from app.published.follower import Follower

PURPOSE = "edition"
WAIT_SECONDS = 2.0
MAX_WAITERS = 64
RETRY_LATER = {"Retry-After": "1"}


class Editions:
    """Seals the edition of this worker's memory, and waits for editions that clients require."""

    def __init__(self, secrets: Secrets, follower: Follower, database: Database) -> None:
        """Seal the marks of `follower` with `secrets`."""
        self._secrets = secrets
        self._follower = follower
        self._database = database
        self._waiting = 0
        self._cached_seal = lru_cache(maxsize=1024)(self._seal)
        self._last: tuple[Mark | None, bytes] = None, b""

    def current(self) -> bytes:
        """Return the edition of the worker's memory."""
        mark = self._follower.mark
        if mark is not self._last[0]:
            self._last = mark, self._cached_seal(mark)
        return self._last[1]

    def seal(self, mark: Mark) -> bytes:
        """Return the edition of a mark."""
        return self._cached_seal(mark)

    def loaded(self) -> bool:
        """Return whether the worker's memory is loaded."""
        return self._follower.loaded

    def open(self, edition: str) -> Mark:
        """Return the mark of an edition.

        Problem edition_ahead if this service did not seal it.
        """
        try:
            epoch, seq, config_version = self._secrets.open(PURPOSE, edition).decode().split(":")
        except TokenError as error:
            message = "The value of Quizwell-Min-Edition was not issued by this service."
            raise Problem("edition_ahead", message) from error
        return Mark(epoch, int(seq), int(config_version))

    async def wait_for(self, edition: str) -> None:
        """Wait until the worker's memory covers an edition, without holding a session or thread.

        Problem edition_ahead if the clock does not cover it; not_caught_up after two seconds, or
        if too many requests wait.
        """
        wanted = self.open(edition)
        if self._follower.covers(wanted):
            return
        if self._waiting >= MAX_WAITERS:
            message = "Too many requests wait for an edition."
            raise Problem("not_caught_up", message, headers=RETRY_LATER)
        self._waiting += 1
        try:
            clock = await asyncio.to_thread(self._read_clock)
            if not clock.covers(wanted):
                raise Problem("edition_ahead", "The requested edition does not exist yet.")
            await self._wait_for_mark(wanted)
        finally:
            self._waiting -= 1

    async def refresh_config(self) -> None:
        """Wait until banks, keys and terms in memory are up to date.

        Problem not_caught_up after two seconds.
        """
        try:
            clock = await self._follower.clock_mark()
        except Exception:  # noqa: BLE001 - the route itself reports that the database fails
            return
        wanted = Mark(clock.epoch, 0, clock.config_version)
        if not self._follower.covers(wanted):
            await self._wait_for_mark(wanted)

    async def _wait_for_mark(self, wanted: Mark) -> None:
        if not await self._follower.wait_for(wanted, WAIT_SECONDS):
            message = "This worker has not loaded the latest changes yet."
            raise Problem("not_caught_up", message, headers=RETRY_LATER)

    def _read_clock(self) -> Mark:
        with self._database.engine.connect() as connection:
            return read_mark(connection)

    def _seal(self, mark: Mark) -> bytes:
        data = f"{mark.epoch}:{mark.seq}:{mark.config_version}".encode()
        return self._secrets.seal(PURPOSE, data).encode()
