"""When each key was last used: recorded in memory, written to the database once a minute."""

import asyncio
import logging
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from app.access import repository
from app.core import time_and_random
from app.core.db.database import Database

FLUSH_INTERVAL_SECONDS = 60.0

log = logging.getLogger(__name__)


class KeyUsage:
    """The times at which one worker process last admitted each key."""

    def __init__(self) -> None:
        """Start without any key."""
        # Milliseconds since 1970, by the integer of the key's id: it is quicker to hash.
        self._used: dict[int, int] = {}

    def record(self, key_id: UUID) -> None:
        """Record that a key is used now."""
        self._used[key_id.int] = time_and_random.milliseconds()

    def last_used(self, key_id: UUID, stored: datetime | None) -> datetime | None:
        """Return the later of the stored time and the time that is recorded here."""
        recorded = self._used.get(key_id.int)
        if recorded is None:
            return stored
        moment = time_and_random.from_milliseconds(recorded)
        return moment if stored is None else max(moment, stored)

    def flush(self, database: Database) -> None:
        """Write the times that were recorded since the last flush."""
        used, self._used = self._used, {}
        if used:
            moments = {
                UUID(int=number): time_and_random.from_milliseconds(at)
                for number, at in used.items()
            }
            with database.write() as session:
                repository.set_last_used(session, moments)

    async def run(self, database: Database) -> None:
        """Flush every minute and when cancelled; times that cannot be written are lost."""
        try:
            while True:
                await asyncio.sleep(FLUSH_INTERVAL_SECONDS)
                await asyncio.to_thread(self._try_flush, database)
        finally:
            self._try_flush(database)

    def _try_flush(self, database: Database) -> None:
        try:
            self.flush(database)
        except SQLAlchemyError:
            log.exception("the use of keys could not be written")
