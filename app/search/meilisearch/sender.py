"""Sends batches of questions, several in flight, and acknowledges what the server has indexed.

Takes numbers from the feed, from comparisons and from builds; gives acknowledgements. The content
is loaded when a batch is sent, so an old batch can never overwrite a newer change. Questions that
the server rejects are isolated by halving their batch and put into quarantine.
"""

import logging
import time
from collections import deque
from collections.abc import Sequence

from app.core import time_and_random
from app.core.db.database import Database
from app.search.indexing.context import IndexingContext
from app.search.meilisearch.batches import Acknowledgement, Batch
from app.search.meilisearch.client import AdminClient, EnqueuedTask
from app.search.meilisearch.document_loader import BatchPayload, load_payload
from app.search.meilisearch.failures import FailureKind, ServerError
from app.search.meilisearch.state import MirrorStateStore, QuarantineEntry
from app.search.meilisearch.task_tracker import OnFinished, ServerSignals, TaskTracker
from app.search.meilisearch.timings import Timings

log = logging.getLogger(__name__)

# After this many failures that are not its own a batch is halved, to find the question that causes
# them; a single question is put into quarantine after the second number.
FAILURES_BEFORE_SPLIT = 3
FAILURES_BEFORE_QUARANTINE = 5
REJECTED = frozenset({FailureKind.DOCUMENT_REJECTED, FailureKind.TOO_LARGE})


class Sender:
    """Sends batches; only the mirror's thread may use it.

    `acknowledged_batches` counts the batches that the server has indexed. Batches to an index in
    `paused_indexes` wait. `failed_tasks` counts failures by error code, for the report.
    """

    def __init__(
        self,
        database: Database,
        client: AdminClient,
        context: IndexingContext,
        store: MirrorStateStore,
        timings: Timings,
    ) -> None:
        """Start with nothing to send."""
        self._database = database
        self._client = client
        self._context = context
        self._store = store
        self._timings = timings
        self._feed_queue: deque[Batch] = deque()
        self._bulk_queue: deque[Batch] = deque()
        self.signals = ServerSignals()
        self._tracker = TaskTracker(client, timings, self.signals)
        self.acknowledged_batches = 0
        self.quarantine: dict[int, QuarantineEntry] = {}
        self.paused_indexes: set[str] = set()
        self.failed_tasks: dict[str, int] = {}

    def queued_questions(self, *, bulk: bool) -> int:
        """Return how many questions wait in the queue of the feed, or of builds and repairs."""
        return sum(len(batch.numbers) for batch in self._queue(bulk=bulk))

    @property
    def in_flight_count(self) -> int:
        """How many requests are in flight."""
        return len(self._tracker.requests)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or in flight."""
        return not (self._tracker.requests or self._feed_queue or self._bulk_queue)

    def enqueue(
        self,
        bank: str,
        index: str,
        numbers: Sequence[int],
        acknowledgement: Acknowledgement,
        *,
        bulk: bool,
    ) -> None:
        """Queue questions in batches and count each batch in the acknowledgement."""
        for start in range(0, len(numbers), self._timings.batch_documents):
            chunk = numbers[start : start + self._timings.batch_documents]
            acknowledgement.pending += 1
            self._queue(bulk=bulk).append(Batch(bank, index, chunk, acknowledgement, bulk))

    def track(self, task: EnqueuedTask, on_finished: OnFinished) -> None:
        """Call `on_finished` once a task has finished, with its error or None."""
        self._tracker.track([self._tracker.record(task)], on_finished)

    def has_batches_for(self, index: str) -> bool:
        """Return whether a batch for the index is queued or in flight."""
        return any(batch.index == index for batch in self._all_batches())

    def unacknowledged_numbers(self) -> set[int]:
        """Return the numbers of all questions that are queued or in flight."""
        return {number for batch in self._all_batches() for number in batch.numbers}

    def discard(self, index: str) -> None:
        """Forget everything that is queued or in flight for an index that no longer exists."""
        for queue in (self._feed_queue, self._bulk_queue):
            for batch in list(queue):
                if batch.index == index:
                    queue.remove(batch)
                    batch.acknowledgement.pending -= 1
        self._tracker.discard(index)
        self.paused_indexes.discard(index)

    def redirect(self, index: str, new_index: str) -> None:
        """Send the unacknowledged batches for an index to another one."""
        for batch in self._all_batches():
            if batch.index == index:
                batch.index = new_index

    def send_queued(self) -> bool:
        """Send batches up to the limits in flight; return whether any was sent."""
        sent = False
        for queue, limit in (
            (self._feed_queue, self._timings.max_in_flight),
            (self._bulk_queue, self._timings.max_bulk_in_flight),
        ):
            while self.in_flight_count < limit:
                batch = self._take_next(queue)
                if batch is None:
                    break
                sent = True
                self._send(batch)
        return sent

    def poll_tasks(self) -> bool:
        """Handle the tasks that have finished; return whether there were any."""
        return self._tracker.poll()

    def _queue(self, *, bulk: bool) -> deque[Batch]:
        return self._bulk_queue if bulk else self._feed_queue

    def _all_batches(self) -> list[Batch]:
        in_flight = [request.batch for request in self._tracker.requests if request.batch]
        return [*self._feed_queue, *self._bulk_queue, *in_flight]

    def _take_next(self, queue: deque[Batch]) -> Batch | None:
        now = time.monotonic()
        for batch in queue:
            if batch.not_before <= now and batch.index not in self.paused_indexes:
                queue.remove(batch)
                return batch
        return None

    def _send(self, batch: Batch) -> None:
        try:
            payload = load_payload(
                self._database, self._context, batch.bank, batch.numbers, self.quarantine
            )
            if len(payload.ndjson) > self._timings.batch_bytes and len(batch.numbers) > 1:
                self._split(batch, batch.failures)
                return
            for entry in payload.unreadable:
                self._add_to_quarantine(entry)
            tasks = self._submit(batch.index, payload)
        except ServerError as error:
            self._handle_request_failure(batch, error)
            return
        except Exception:
            self._queue(bulk=batch.bulk).appendleft(batch)
            raise

        def on_finished(error: ServerError | None) -> None:
            self._handle_result(batch, payload, error)

        if tasks:
            self._tracker.track(tasks, on_finished, batch)
        else:
            on_finished(None)

    def _submit(self, index: str, payload: BatchPayload) -> list[EnqueuedTask]:
        tasks = []
        if payload.ndjson:
            task = self._client.put_documents(index, payload.ndjson)
            tasks.append(self._tracker.record(task))
        if payload.deleted:
            task = self._client.delete_documents(index, payload.deleted)
            tasks.append(self._tracker.record(task))
        return tasks

    def _handle_request_failure(self, batch: Batch, error: ServerError) -> None:
        """Queue a batch again whose request failed; re-raise failures of the whole server."""
        self.signals.late_request_possible |= error.outcome_unknown
        if error.kind in REJECTED:
            self._isolate_rejected(batch, error)
            return
        batch.failures += 1
        if (
            error.kind is FailureKind.UNAVAILABLE
            and error.outcome_unknown
            and batch.failures >= FAILURES_BEFORE_SPLIT
        ):
            # Some servers and proxies close the connection on a request that is too large.
            self._split(batch, FAILURES_BEFORE_SPLIT)
        else:
            self._queue(bulk=batch.bulk).appendleft(batch)
        if error.kind is FailureKind.INDEX_MISSING:
            self.signals.check_due = True
            batch.not_before = time.monotonic() + self._timings.retry_seconds
            return
        raise error

    def _handle_result(
        self, batch: Batch, payload: BatchPayload, error: ServerError | None
    ) -> None:
        """Acknowledge a batch whose tasks have succeeded; otherwise retry or isolate it."""
        if error is None:
            self.acknowledged_batches += 1
            self.signals.storage_full = False
            self._release_from_quarantine(payload.retried)
            batch.acknowledgement.pending -= 1
            return
        self.failed_tasks[error.code] = self.failed_tasks.get(error.code, 0) + 1
        if error.kind in REJECTED:
            self._isolate_rejected(batch, error)
        else:
            self._retry(batch, error)

    def _retry(self, batch: Batch, error: ServerError) -> None:
        """Queue a batch again after a failed task, with backoff."""
        pause = self._timings.retry_seconds
        if error.kind is FailureKind.INDEX_MISSING:
            self.signals.check_due = True
        elif error.kind is FailureKind.TASK_MISSING:
            self.signals.rolled_back = self.signals.check_due = True
        elif error.kind is FailureKind.STORAGE_FULL:
            self.signals.storage_full = True
            pause = self._timings.slow_retry_seconds
        elif error.code != "canceled":
            log.warning("a task failed: %s", error)
            batch.acknowledged_before = batch.acknowledged_before or self.acknowledged_batches
            batch.failures += 1
            if batch.failures >= FAILURES_BEFORE_SPLIT and len(batch.numbers) > 1:
                self._split(batch, FAILURES_BEFORE_SPLIT - 1)
                return
            if (
                batch.failures >= FAILURES_BEFORE_QUARANTINE
                and self.acknowledged_batches > batch.acknowledged_before
            ):
                # Other batches succeed and this one never does, so its question is the cause.
                self._isolate_rejected(batch, error)
                return
            pause = min(pause * 2**batch.failures, self._timings.retry_max_seconds)
        batch.not_before = time.monotonic() + pause
        self._queue(bulk=batch.bulk).append(batch)

    def _isolate_rejected(self, batch: Batch, error: ServerError) -> None:
        """Halve a rejected batch; put a single question into quarantine."""
        if len(batch.numbers) > 1:
            self._split(batch, 0)
            return
        payload = load_payload(self._database, self._context, batch.bank, batch.numbers, {})
        for number, (revision, signature) in payload.sent.items():
            entry = QuarantineEntry(
                number,
                batch.bank,
                revision,
                signature,
                error.code,
                str(error),
                time_and_random.milliseconds(),
            )
            self._add_to_quarantine(entry)
        # Sent again, the batch deletes the document: its last revision must not stay searchable.
        self._queue(bulk=batch.bulk).append(batch)

    def _add_to_quarantine(self, entry: QuarantineEntry) -> None:
        log.error("question %d cannot be indexed: %s", entry.number, entry.message)
        self._store.add_to_quarantine(entry)
        self.quarantine[entry.number] = entry

    def _release_from_quarantine(self, retried: Sequence[QuarantineEntry]) -> None:
        # A question may have been put into quarantine again while this batch was in flight.
        released = [entry.number for entry in retried if self.quarantine.get(entry.number) == entry]
        if released:
            self._store.remove_from_quarantine(released)
        for number in released:
            del self.quarantine[number]

    def _split(self, batch: Batch, failures: int) -> None:
        self._queue(bulk=batch.bulk).extendleft(reversed(batch.split(failures)))
