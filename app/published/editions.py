"""The edition that answers carry: a mark, sealed, so that clients can hold it and learn nothing."""

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
    """What this worker's memory holds, and what clients may demand of it."""

    def __init__(self, secrets: Secrets, follower: Follower, database: Database) -> None:
        """Seal with `secrets` what `follower` has reached."""
        self._secrets = secrets
        self._follower = follower
        self._database = database
        self._waiting = 0
        self._seal = lru_cache(maxsize=1024)(self._make)
        self._last: tuple[Mark | None, bytes] = None, b""

    def current(self) -> bytes:
        """Return the sealed edition of the worker's memory."""
        mark = self._follower.mark
        if mark is not self._last[0]:
            self._last = mark, self._seal(mark)
        return self._last[1]

    def sealed(self, mark: Mark) -> bytes:
        """Return the sealed edition of a mark."""
        return self._seal(mark)

    def loaded(self) -> bool:
        """Return whether there is something to serve."""
        return self._follower.loaded

    def opened(self, edition: str) -> Mark:
        """Return the mark of an edition; Problem edition_ahead for what was never sealed here."""
        try:
            epoch, seq, terms = self._secrets.open(PURPOSE, edition).decode().split(":")
        except TokenError as error:
            message = "The edition demanded is not one of this service."
            raise Problem("edition_ahead", message) from error
        return Mark(epoch, int(seq), int(terms))

    async def wait_for(self, edition: str) -> None:
        """Wait, holding neither session nor thread, until the edition is reached.

        Problem edition_ahead when the clock has not been there, not_caught_up after two seconds.
        """
        wanted = self.opened(edition)
        if self._follower.covers(wanted):
            return
        if self._waiting >= MAX_WAITERS:
            message = "Too many requests wait for an edition."
            raise Problem("not_caught_up", message, headers=RETRY_LATER)
        self._waiting += 1
        try:
            clock = await asyncio.to_thread(self._read_clock)
            if not clock.covers(wanted):
                raise Problem("edition_ahead", "The edition demanded lies ahead of the clock.")
            await self._reach(wanted)
        finally:
            self._waiting -= 1

    async def refresh_config(self) -> bool:
        """Wait until rules and keys are those that the clock knows; return whether they were older.

        Problem not_caught_up after two seconds.
        """
        try:
            clock = await self._follower.look()
        except Exception:  # noqa: BLE001 - whatever the driver raises: the route meets it as well
            return False
        wanted = Mark(clock.epoch, 0, clock.config_version)
        if self._follower.covers(wanted):
            return False
        await self._reach(wanted)
        return True

    async def _reach(self, wanted: Mark) -> None:
        if not await self._follower.reach(wanted, WAIT_SECONDS):
            message = "What was written last has not arrived here."
            raise Problem("not_caught_up", message, headers=RETRY_LATER)

    def _read_clock(self) -> Mark:
        with self._database.engine.connect() as connection:
            return read_mark(connection)

    def _make(self, mark: Mark) -> bytes:
        data = f"{mark.epoch}:{mark.seq}:{mark.config_version}".encode()
        return self._secrets.seal(PURPOSE, data).encode()
