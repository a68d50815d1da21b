"""The mirror: one leased loop that keeps a Meilisearch server equal to what is public."""

import logging
import random
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.leases import Lease
from app.core.settings import Settings
from app.search.indexing.context import Knowledge, SynonymLoader
from app.search.meilisearch.client import Server
from app.search.meilisearch.failures import Kind, ServerError
from app.search.meilisearch.replicator import Keeper
from app.search.meilisearch.state import LostLeaseError
from app.search.meilisearch.timings import PACE, Pace

log = logging.getLogger(__name__)

LEASE = "search-mirror"


class Mirror:
    """A thread that wants the lease and mirrors while it holds it.

    Every worker has one, and commands that need the work done; whichever is first does it, and
    when it dies another goes on.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        synonyms: SynonymLoader | None = None,
        pace: Pace = PACE,
    ) -> None:
        """Prepare; `start` begins."""
        self._database = database
        self._settings = settings
        self._synonyms = synonyms
        self._pace = pace
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._held_until = 0.0
        self._renew_at = 0.0

    def start(self) -> None:
        """Begin, in a thread of our own: the official client is not asynchronous."""
        self._database.listen(self._wake.set)
        self._thread = threading.Thread(target=self.run, name=LEASE, daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End; a request that hangs is left to itself, and the lease runs out."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def run(self) -> None:
        """Want the lease, and mirror while it is held, until stopped."""
        while not self._stopping.is_set():
            lease = Lease(self._database, LEASE, self._pace.lease)
            try:
                if lease.acquire():
                    self._hold(lease)
                else:
                    self._stopping.wait(self._pace.renew * random.uniform(0.5, 1.0))  # noqa: S311
            except LostLeaseError as error:
                log.warning("the mirror stops here: %s", error)
            except SQLAlchemyError:
                log.exception("the mirror cannot use the database")
                self._stopping.wait(1.0)
            except Exception:
                # A defect must not end the thread for good: the next one may get past it.
                log.exception("the mirror failed")
                self._stopping.wait(self._pace.retry_most)

    def _hold(self, lease: Lease) -> None:
        self._renewed()
        knowledge = Knowledge(self._settings, self._synonyms)
        server = Server(self._settings, self._pace.timeout)
        # However slow the server is, the lease is renewed between two requests.
        server.fence = lambda: self._renew(lease)
        holder = time_and_random.random_bytes(16).hex()
        keeper = Keeper(self._database, self._settings, knowledge, server, self._pace, holder)
        failures = 0
        while not self._stopping.is_set():
            self._renew(lease)
            self._wake.clear()
            try:
                moved = keeper.step()
            except ServerError as error:
                failures += 1
                pause = self._pause(error, failures)
                log.warning("the search server fails (again in %.1f s): %s", pause, error)
                keeper.trouble(error)
                self._sleep(pause, lease)
                continue
            failures = 0
            if not moved:
                self._wake.wait(self._pace.ask if keeper.sender.in_flight else self._pace.poll)
        keeper.stop()
        lease.release()

    def _pause(self, error: ServerError, failures: int) -> float:
        if error.kind in {Kind.REFUSED, Kind.FULL}:
            return self._pace.slow
        most = min(self._pace.retry * 2.0 ** min(failures - 1, 10), self._pace.retry_most)
        return max(error.retry_after, most * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    def _sleep(self, seconds: float, lease: Lease) -> None:
        until = time.monotonic() + seconds
        while not self._stopping.is_set() and (rest := until - time.monotonic()) > 0:
            self._stopping.wait(min(rest, self._pace.renew))
            self._renew(lease)

    def _renewed(self) -> None:
        now = time.monotonic()
        self._held_until, self._renew_at = now + self._pace.lease, now + self._pace.renew

    def _renew(self, lease: Lease) -> None:
        now = time.monotonic()
        if now < self._renew_at:
            return
        # A term that ran out unnoticed may have been another's meanwhile.
        if now >= self._held_until or not lease.acquire():
            message = "the lease was lost"
            raise LostLeaseError(message)
        self._renewed()
