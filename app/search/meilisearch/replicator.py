"""Replicates the change feed to the indexes, and saves how far the server has acknowledged it.

One replicator exists while a process holds the lease. `step` reads the clock and the feed, queues
the changes with the sender, lets the maintenance work, and saves the acknowledged mark.
"""

import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.settings import Settings
from app.published.follower import NO_MARK
from app.search.engine import Synonyms
from app.search.indexing.context import IndexingContext
from app.search.indexing.feed_reader import read_clock_and_requests, rows_after
from app.search.meilisearch.batches import Acknowledgement
from app.search.meilisearch.client import AdminClient
from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.indexes.maintenance import IndexMaintenance
from app.search.meilisearch.sender import Sender
from app.search.meilisearch.server_watch import ServerWatch
from app.search.meilisearch.state import MirrorStateStore
from app.search.meilisearch.timings import Timings

log = logging.getLogger(__name__)

# The second recheck after a lost response comes this many times later than the first.
SECOND_RECHECK_FACTOR = 12


class FeedSlice(NamedTuple):
    """Rows of the feed up to `up_to_seq` that were queued at `read_at` (milliseconds)."""

    up_to_seq: int
    read_at: int
    acknowledgement: Acknowledgement


class AppliedContext(NamedTuple):
    """The parts of the indexing context that the indexes follow, at one configuration version."""

    config_version: int
    banks: Mapping[str, bool]
    term_texts: Mapping[str, str]
    synonyms: Synonyms


class Replicator:
    """One lease holder's replication; `step` does what is possible and never waits long.

    The saved mark guarantees: every change up to it is in every live index, or the index's row
    asks for a comparison or a build. So the next holder loses no change, whenever this process
    dies.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each collaborator is one parameter
        self,
        database: Database,
        settings: Settings,
        context: IndexingContext,
        client: AdminClient,
        timings: Timings,
        holder: str,
    ) -> None:
        """Take over from the last holder; what it did not finish is compared."""
        self._database = database
        self._context = context
        self._timings = timings
        self._store = MirrorStateStore(database, holder)
        self.sender = Sender(database, client, context, self._store, timings)
        self._progress, indexes = self._store.take_over(settings.search_prefix)
        self.sender.quarantine = self._store.load_quarantine()
        self._maintenance = IndexMaintenance(
            database, settings.search_prefix, context, client, self.sender, self._store, timings
        )
        self._maintenance.indexes = indexes
        self._watch = ServerWatch(self._maintenance, self._progress)
        self._requests_seen = self._progress.requests
        self._read_seq = self._progress.seq
        self._clock = NO_MARK
        self._pending_slices: deque[FeedSlice] = deque()
        self._applied: AppliedContext | None = None
        self._report_at = 0.0
        self._compare_at = time.monotonic() + timings.comparison_seconds
        self._recheck_times: list[float] = []
        self._failure: ServerError | None = None
        self._epoch_changes = 0
        self._progress_is_unsaved = False
        self._recover(clean=self._progress.stopped_cleanly)

    def _recover(self, *, clean: bool) -> None:
        """Schedule the checks that the last holder's state requires."""
        self._progress.stopped_cleanly = False
        self._store.save_progress(self._progress)
        indexes = self._maintenance.indexes
        self._maintenance.settings_due |= indexes.keys()
        self._maintenance.comparison_due |= {
            bank for bank, index in indexes.items() if index.comparison_requested or not clean
        }
        if indexes and not clean:
            # A request of the last holder may still arrive at the server.
            self._schedule_rechecks(after=self._timings.lease_seconds)

    def stop(self) -> None:
        """Save whether everything was acknowledged; if so the next holder need not compare."""
        self._progress.stopped_cleanly = self.is_idle and self._watch.marker_is_current
        self._store.save_progress(self._progress)

    @property
    def is_idle(self) -> bool:
        """Whether everything is acknowledged and no work is known."""
        return (
            self.sender.is_idle
            and not self._pending_slices
            and not self._maintenance.has_work
            and not self._maintenance.builds
            and self._progress.mark == self._clock
            and not self._recheck_times
        )

    def step(self) -> bool:
        """Do one round; return whether anything was done, so that the next round may follow."""
        self._watch.check()
        if self._failure is not None and not self._watch.marker_is_current:
            # The server may have been restored while it was away, and an outdated marker cannot
            # prove that it was not.
            self._maintenance.recheck_all(durable=False)
        self._failure = None
        self._watch.write_marker()
        worked = self._read_feed()
        worked |= self.sender.poll_tasks()
        worked |= self._maintenance.step()
        worked |= self.sender.send_queued()
        self._acknowledge()
        self._schedule_comparisons()
        self._update_report()
        return worked

    def record_failure(self, error: ServerError) -> None:
        """Record that a request failed, check the server next, and report it to operators."""
        self._failure = error
        self.sender.signals.check_due = True
        self._update_report()
        if self._progress_is_unsaved:
            self._progress_is_unsaved = False
            self._store.save_progress(self._progress)

    def _read_feed(self) -> bool:
        """Queue the next slice of the feed; return whether anything had changed."""
        with self._database.engine.connect() as connection:
            mark, requests = read_clock_and_requests(connection)
        if (mark, requests, mark.seq) == (self._clock, self._requests_seen, self._read_seq):
            self._apply_context()
            return False
        with self._database.read() as session:
            self._clock = mark = read_mark(session)
            self._context.refresh(session)
            same_epoch = mark.epoch == self._progress.epoch and mark.seq >= self._read_seq
            has_room = self.sender.queued_questions(bulk=False) < self._timings.read_rows
            is_behind = same_epoch and has_room and mark.seq > self._read_seq
            connection = session.connection()
            limit = self._timings.read_rows
            rows = rows_after(connection, self._read_seq, limit) if is_behind else []
        if not same_epoch:
            self._start_epoch(mark)
        self._apply_context()
        if requests != self._requests_seen:
            self._apply_requests(requests)
        if not is_behind:
            return not same_epoch
        acknowledgement = Acknowledgement()
        numbers_by_bank: dict[str, list[int]] = {}
        for row in rows:
            numbers_by_bank.setdefault(row.bank, []).append(row.number)
        for bank, numbers in numbers_by_bank.items():
            for index in self._maintenance.target_indexes(bank):
                self.sender.enqueue(bank, index, numbers, acknowledgement, bulk=False)
        self._read_seq = rows[-1].seq if len(rows) == limit else mark.seq
        self._pending_slices.append(
            FeedSlice(self._read_seq, time_and_random.milliseconds(), acknowledgement)
        )
        return True

    def _start_epoch(self, mark: Mark) -> None:
        """Continue from `mark` in a new epoch: history was rewritten, so compare everything."""
        if self._progress.epoch:
            self._epoch_changes += 1
            log.warning("history was rewritten: every index is compared with the database")
        self._maintenance.recheck_all(durable=True)
        self._pending_slices.clear()
        self._read_seq = mark.seq
        self._progress.epoch, self._progress.seq = mark.epoch, mark.seq
        self._progress.config_version = -1
        self._store.save_progress(self._progress)

    def _apply_context(self) -> None:
        """Compare and configure the indexes that a change of rules, terms or synonyms affects."""
        context = self._context
        new = AppliedContext(
            context.config_version, context.banks, context.term_texts, context.synonyms
        )
        old = self._applied
        maintenance = self._maintenance
        if old is None:
            # The last holder applied the configuration up to the saved version.
            if self._progress.config_version != new.config_version:
                maintenance.comparison_due |= maintenance.indexes.keys()
        elif old.config_version != new.config_version:
            renamed = any(
                new.term_texts.get(term) != term_text for term, term_text in old.term_texts.items()
            )
            changed = {
                bank for bank in new.banks if renamed or old.banks.get(bank) != new.banks[bank]
            }
            maintenance.compare(changed & maintenance.indexes.keys())
            if new.synonyms != old.synonyms:
                maintenance.settings_due |= maintenance.indexes.keys()
        maintenance.set_banks(new.banks)
        self._applied = new

    def _apply_requests(self, requests: int) -> None:
        """Take over what operators have requested in the rows of the indexes."""
        self._requests_seen = requests
        self.sender.quarantine = self._store.load_quarantine()
        saved = self._store.load()
        for bank, saved_index in (saved[1] if saved else {}).items():
            index = self._maintenance.indexes.get(bank)
            if index is not None:
                index.rebuild_requested = saved_index.rebuild_requested
                index.comparison_requested = saved_index.comparison_requested
                if index.comparison_requested:
                    self._maintenance.settings_due.add(bank)
                    self._maintenance.compare([bank])

    def _acknowledge(self) -> None:
        """Advance the mark over the slices that the server has acknowledged, and save it."""
        mark_before = self._progress.mark
        while self._pending_slices and self._pending_slices[0].acknowledgement.is_complete:
            self._progress.seq = self._pending_slices.popleft().up_to_seq
        if not self._maintenance.has_work and self._applied is not None:
            self._progress.config_version = self._applied.config_version
        if self._progress.mark != mark_before or self._progress_is_unsaved:
            self._progress_is_unsaved = False
            self._store.save_progress(self._progress)

    def _schedule_comparisons(self) -> None:
        """Compare all indexes after lost responses, and as a routine while idle."""
        now = time.monotonic()
        signals = self.sender.signals
        if signals.late_request_possible:
            signals.late_request_possible = False
            self._schedule_rechecks()
        if self._recheck_times and now >= self._recheck_times[0] and self.sender.is_idle:
            self._recheck_times.pop(0)
            self._maintenance.recheck_all(durable=False)
        if now >= self._compare_at and self.is_idle:
            self._compare_at = now + self._timings.comparison_seconds
            self._maintenance.drift = {}
            self._maintenance.recheck_all(durable=False)

    def _schedule_rechecks(self, after: float = 0.0) -> None:
        # A request whose response was lost may reach the server late, in rare cases very late.
        start = time.monotonic() + after
        seconds = self._timings.late_request_seconds
        self._recheck_times = [start + seconds, start + SECOND_RECHECK_FACTOR * seconds]

    def _update_report(self) -> None:
        now = time.monotonic()
        if now < self._report_at:
            return
        report = self._build_report()
        if report != self._progress.report:
            self._report_at = now + self._timings.report_seconds
            self._progress.report = report
            self._progress_is_unsaved = True

    def _build_report(self) -> dict[str, Any]:
        sender = self.sender
        return {
            "condition": self._condition(),
            "error": None if self._failure is None else str(self._failure),
            "behind_since": self._pending_slices[0].read_at if self._pending_slices else None,
            "pending": sender.queued_questions(bulk=False) + sender.queued_questions(bulk=True),
            "in_flight": sender.in_flight_count,
            "drift": dict(self._maintenance.drift),
            "compared_at": self._maintenance.compared_at,
            "epochs": self._epoch_changes,
            "failed": dict(sender.failed_tasks),
        }

    def _condition(self) -> str:
        if self._failure is not None:
            return self._failure.kind.value
        if self.sender.signals.storage_full:
            return "full"
        if self._maintenance.builds:
            return "building"
        comparing = self._maintenance.comparison_due or self._maintenance.comparisons
        return "comparing" if comparing else "following"
