"""When each key was last used: noted in memory, written once a minute by a loop."""

import asyncio
import logging
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from app.access import repository
from app.core import time_and_random
from app.core.db.database import Database

FLUSH_SECONDS = 60.0

log = logging.getLogger(__name__)


class Usage:
    """One worker's notes of the keys that it admitted."""

    def __init__(self) -> None:
        """Start without notes."""
        # By the numbers of ids, which are quicker to hash.
        self._used: dict[int, int] = {}

    def note(self, key_id: UUID) -> None:
        """Remember that the key is used now."""
        self._used[key_id.int] = time_and_random.milliseconds()

    def last(self, key_id: UUID, stored: datetime | None) -> datetime | None:
        """Return the later of what is stored and what is only noted here."""
        noted = self._used.get(key_id.int)
        if noted is None:
            return stored
        moment = time_and_random.from_milliseconds(noted)
        return moment if stored is None else max(moment, stored)

    def flush(self, database: Database) -> None:
        """Write what was noted since the last time."""
        used, self._used = self._used, {}
        if used:
            moments = {
                UUID(int=number): time_and_random.from_milliseconds(at)
                for number, at in used.items()
            }
            with database.write() as session:
                repository.note_usage(session, moments)

    async def run(self, database: Database) -> None:
        """Flush every minute and when cancelled; notes that cannot be written are lost."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await asyncio.to_thread(self._try_flush, database)
        finally:
            self._try_flush(database)

    def _try_flush(self, database: Database) -> None:
        try:
            self.flush(database)
        except SQLAlchemyError:
            log.exception("the use of keys could not be noted")
