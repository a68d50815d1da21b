"""The mirror: a background thread that takes a lease and replicates while it holds it.

The engine of each worker process starts one, and so do commands that need the mirror. One holds
the lease and runs the replicator; when it dies, its lease expires and another takes over.
"""

import logging
import random
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.leases import Lease
from app.core.settings import Settings
from app.search.indexing.context import IndexingContext, SynonymLoader
from app.search.meilisearch.client import AdminClient
from app.search.meilisearch.failures import FailureKind, ServerError
from app.search.meilisearch.replicator import Replicator
from app.search.meilisearch.state import LeaseLostError
from app.search.meilisearch.timings import DEFAULT_TIMINGS, Timings

log = logging.getLogger(__name__)

LEASE_NAME = "search-mirror"
DATABASE_RETRY_SECONDS = 1.0
SLOW_RETRY_KINDS = frozenset({FailureKind.UNAUTHORIZED, FailureKind.STORAGE_FULL})


class Mirror:
    """The background thread, with its lease and its backoff."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        synonyms: SynonymLoader | None = None,
        timings: Timings = DEFAULT_TIMINGS,
    ) -> None:
        """Prepare the mirror; `start` starts the thread."""
        self._database = database
        self._settings = settings
        self._synonyms = synonyms
        self._timings = timings
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lease_expires_at = 0.0
        self._renew_at = 0.0

    def start(self) -> None:
        """Start the thread; a thread is needed because the official client blocks."""
        self._database.on_commit(self._wake.set)
        self._thread = threading.Thread(target=self.run, name=LEASE_NAME, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop the thread and wait for it, at most `timeout` seconds.

        After a timeout, a request may still be running; then the lease expires by itself.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        """Acquire the lease and replicate while it is held, until stopped."""
        while not self._stopping.is_set():
            lease = Lease(self._database, LEASE_NAME, self._timings.lease_seconds)
            try:
                if lease.acquire():
                    self._replicate(lease)
                else:
                    self._stopping.wait(_jittered(self._timings.lease_renewal_seconds))
            except LeaseLostError as error:
                log.warning("this process stops mirroring: %s", error)
            except SQLAlchemyError:
                log.exception("the mirror cannot use the database")
                self._stopping.wait(DATABASE_RETRY_SECONDS)
            except Exception:
                # The thread must survive every defect; another attempt may succeed.
                log.exception("the mirror failed")
                self._stopping.wait(self._timings.retry_max_seconds)

    def _replicate(self, lease: Lease) -> None:
        """Run a replicator until stopped; LeaseLostError when the lease is lost."""
        self._record_renewal()
        context = IndexingContext(self._settings, self._synonyms)
        client = AdminClient(self._settings, self._timings.request_timeout_seconds)
        # The lease is renewed between two requests, however slow the server is.
        client.before_request = lambda: self._renew_if_due(lease)
        holder = time_and_random.random_bytes(16).hex()
        replicator = Replicator(
            self._database, self._settings, context, client, self._timings, holder
        )
        failures = 0
        while not self._stopping.is_set():
            self._renew_if_due(lease)
            self._wake.clear()
            try:
                worked = replicator.step()
            except ServerError as error:
                failures += 1
                pause = self._backoff_seconds(error, failures)
                log.warning("the search server failed (retry in %.1f s): %s", pause, error)
                replicator.record_failure(error)
                self._sleep(pause, lease)
                continue
            failures = 0
            if not worked:
                self._wake.wait(
                    self._timings.task_poll_seconds
                    if replicator.sender.in_flight_count
                    else self._timings.poll_seconds
                )
        replicator.stop()
        lease.release()

    def _backoff_seconds(self, error: ServerError, failures: int) -> float:
        if error.kind in SLOW_RETRY_KINDS:
            return self._timings.slow_retry_seconds
        backoff = self._timings.retry_seconds * 2.0 ** min(failures - 1, 10)
        return max(error.retry_after, _jittered(min(backoff, self._timings.retry_max_seconds)))

    def _sleep(self, seconds: float, lease: Lease) -> None:
        """Sleep until stopped, and renew the lease meanwhile."""
        end = time.monotonic() + seconds
        while not self._stopping.is_set() and (remaining := end - time.monotonic()) > 0:
            self._stopping.wait(min(remaining, self._timings.lease_renewal_seconds))
            self._renew_if_due(lease)

    def _record_renewal(self) -> None:
        now = time.monotonic()
        self._lease_expires_at = now + self._timings.lease_seconds
        self._renew_at = now + self._timings.lease_renewal_seconds

    def _renew_if_due(self, lease: Lease) -> None:
        """Renew the lease if it is time to; LeaseLostError if it has expired."""
        now = time.monotonic()
        if now < self._renew_at:
            return
        # Another process may have held an expired lease meanwhile, so it must not be renewed.
        if now >= self._lease_expires_at or not lease.acquire():
            message = "the lease was lost"
            raise LeaseLostError(message)
        self._record_renewal()


def _jittered(seconds: float) -> float:
    """Return a random time between half of `seconds` and `seconds`."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
