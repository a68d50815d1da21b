"""Maintains the indexes, one for each bank: builds, compares, configures and deletes them.

Takes the banks to index from the replicator; gives the names of the indexes to which each change
must be sent. Everything here is separate from the feed, which the replicator sends.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from app.core import time_and_random
from app.core.db.database import Database
from app.search.indexing.context import IndexingContext
from app.search.indexing.feed_reader import count_live
from app.search.meilisearch.client import AdminClient
from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.indexes.comparison import IndexComparison
from app.search.meilisearch.indexes.index_build import IndexBuild
from app.search.meilisearch.indexes.index_names import live_index_name
from app.search.meilisearch.indexes.index_settings import desired_settings, settings_changes
from app.search.meilisearch.sender import Sender
from app.search.meilisearch.state import IndexState, MirrorStateStore
from app.search.meilisearch.timings import Timings

log = logging.getLogger(__name__)


@dataclass
class IndexMaintenance:
    """The work on indexes; `step` does the next piece for each bank.

    `indexes`, `builds` and `comparisons` are by bank. The sets name banks: `comparison_due` wait
    for a comparison, `settings_due` for a check of their settings, `settings_pending` for the task
    that changes them, `deleting` for the deletion of their index. `drift` counts the questions
    that comparisons found wrong; `compared_at` is the time of the last comparison in milliseconds.
    """

    database: Database
    prefix: str
    context: IndexingContext
    client: AdminClient
    sender: Sender
    store: MirrorStateStore
    timings: Timings
    indexes: dict[str, IndexState] = field(default_factory=dict)
    builds: dict[str, IndexBuild] = field(default_factory=dict)
    comparisons: dict[str, IndexComparison] = field(default_factory=dict)
    comparison_due: set[str] = field(default_factory=set)
    settings_due: set[str] = field(default_factory=set)
    settings_pending: set[str] = field(default_factory=set)
    deleting: set[str] = field(default_factory=set)
    drift: dict[str, int] = field(default_factory=dict)
    compared_at: int | None = None

    @property
    def has_work(self) -> bool:
        """Whether any index is known to differ from what the rules require."""
        work = (
            self.comparison_due,
            self.comparisons,
            self.settings_due,
            self.settings_pending,
            self.deleting,
        )
        return any(work) or any(index.live_created_at is None for index in self.indexes.values())

    def target_indexes(self, bank: str) -> list[str]:
        """Return the names of the indexes to which a change in the bank must be sent."""
        index = self.indexes.get(bank)
        if index is None or bank in self.deleting:
            return []
        names = [] if index.live_created_at is None else [live_index_name(self.prefix, bank)]
        build = self.builds.get(bank)
        if build is not None and build.replicated_index is not None:
            names.append(build.replicated_index)
        return names

    def set_banks(self, banks: Iterable[str]) -> None:
        """Add the banks that have no index yet, and delete the indexes of all other banks."""
        wanted = set(banks)
        for bank in wanted - self.indexes.keys():
            index = self.indexes[bank] = IndexState(bank)
            self.store.insert_index(index)
        for bank in self.indexes.keys() - wanted - self.deleting:
            self._delete_index(bank)

    def recheck_all(self, *, durable: bool) -> None:
        """Compare every index and check its settings.

        With `durable` another process does it if this one dies.
        """
        for index in self.indexes.values():
            if durable and not index.comparison_requested:
                index.comparison_requested = True
                self.store.update_index(index, "comparison_requested")
        self.settings_due |= self.indexes.keys()
        self.compare(self.indexes)

    def compare(self, banks: Iterable[str]) -> None:
        """Compare the banks' indexes; a running comparison starts again."""
        for bank in list(banks):
            self.comparison_due.add(bank)
            self.comparisons.pop(bank, None)
            build = self.builds.get(bank)
            if build is not None:
                build.refill()

    def mark_missing(self, index: IndexState) -> None:
        """Record that the server has lost a live index; the next step builds it again."""
        name = live_index_name(self.prefix, index.bank)
        log.warning("the index %s is missing: it is built again", name)
        index.live_created_at = None
        self.store.update_index(index, "live_created_at")
        self.sender.discard(name)
        self.comparisons.pop(index.bank, None)

    def step(self) -> bool:
        """Do the next piece of work for each bank; return whether there was any."""
        worked = False
        for banks in (self.comparison_due, self.settings_due, self.settings_pending):
            banks.intersection_update(self.indexes)
        for bank in list(self.indexes):
            if bank in self.indexes and bank not in self.deleting:
                worked |= self._step_bank(self.indexes[bank])
        return worked

    def new_comparison(self, bank: str, index: str, *, index_is_empty: bool) -> IndexComparison:
        """Return a comparison that has not started."""
        return IndexComparison(
            self.database,
            self.client,
            self.context,
            self.sender,
            self.timings,
            bank,
            index,
            index_is_empty=index_is_empty,
        )

    def count_live_questions(self, bank: str) -> int:
        """Return how many live questions a bank has."""
        with self.database.read() as session:
            return count_live(session.connection(), bank)

    def _step_bank(self, index: IndexState) -> bool:
        bank = index.bank
        build = self.builds.get(bank)
        needs_build = index.live_created_at is None or index.rebuild_requested or index.staging_name
        if build is None and needs_build:
            build = self.builds[bank] = IndexBuild(self, index)
        if build is not None and self._step_build(bank, build):
            return True
        if index.live_created_at is None:
            # The build does everything that a comparison and a check of settings would do.
            self.comparison_due.discard(bank)
            self.settings_due.discard(bank)
            return False
        if bank in self.settings_due:
            self._check_settings(bank)
            return True
        return (
            bank not in self.settings_pending
            and self._queue_has_room()
            and self._step_comparison(index)
        )

    def _queue_has_room(self) -> bool:
        return self.sender.queued_questions(bulk=True) < self.timings.read_rows

    def _step_build(self, bank: str, build: IndexBuild) -> bool:
        if build.reads_rows and not self._queue_has_room():
            return False
        phase_before = build.phase
        build.step()
        if build.is_done:
            del self.builds[bank]
            self.comparisons.pop(bank, None)
            self.comparison_due.discard(bank)
            if build.needs_comparison:
                self.comparison_due.add(bank)
        return build.phase is not phase_before or build.reads_rows

    def _check_settings(self, bank: str) -> None:
        name = live_index_name(self.prefix, bank)
        desired = desired_settings(self.context.synonyms)
        changes = settings_changes(desired, self.client.get_settings(name))
        self.settings_due.discard(bank)
        if not changes:
            return

        def on_finished(error: ServerError | None) -> None:
            self.settings_pending.discard(bank)
            if error is not None and bank in self.indexes:
                log.warning("the settings of %s could not be changed: %s", name, error)
                self.settings_due.add(bank)
                self.sender.signals.check_due = True

        self.sender.track(self.client.update_settings(name, changes), on_finished)
        self.settings_pending.add(bank)

    def _step_comparison(self, index: IndexState) -> bool:
        bank = index.bank
        comparison = self.comparisons.get(bank)
        if comparison is None:
            if bank not in self.comparison_due:
                return False
            self.comparison_due.discard(bank)
            name = live_index_name(self.prefix, bank)
            comparison = self.new_comparison(bank, name, index_is_empty=False)
            self.comparisons[bank] = comparison
        if not comparison.all_read:
            comparison.step()
            return True
        if not comparison.is_done:
            return False
        self._finish_comparison(index, comparison)
        return True

    def _finish_comparison(self, index: IndexState, comparison: IndexComparison) -> None:
        del self.comparisons[index.bank]
        for kind in ("missing", "stale", "ghost"):
            self.drift[kind] = self.drift.get(kind, 0) + getattr(comparison.drift, kind)
        self.compared_at = time_and_random.milliseconds()
        if index.comparison_requested and index.bank not in self.comparison_due:
            index.comparison_requested = False
            self.store.update_index(index, "comparison_requested")

    def _delete_index(self, bank: str) -> None:
        """Delete a bank's live and staging indexes, then forget the bank."""
        index = self.indexes[bank]
        names = [live_index_name(self.prefix, bank)]
        if index.staging_name:
            names.append(index.staging_name)
        self.builds.pop(bank, None)
        self.comparisons.pop(bank, None)
        for banks in (self.comparison_due, self.settings_due, self.settings_pending):
            banks.discard(bank)
        remaining = set(names)

        def on_finished(name: str, error: ServerError | None) -> None:
            if error is not None and error.code != "index_not_found":
                # The index still exists; `set_banks` will try again.
                self._cancel_deletion(bank)
                return
            remaining.discard(name)
            if not remaining and bank in self.deleting:
                self.deleting.discard(bank)
                self.store.delete_index(bank)
                del self.indexes[bank]

        # The index gets no more changes: if the bank returns before the deletion, compare it.
        index.comparison_requested = True
        self.store.update_index(index, "comparison_requested")
        self.deleting.add(bank)
        try:
            for name in names:
                self.sender.discard(name)
                task = self.client.delete_index(name)
                self.sender.track(task, partial(on_finished, name))
        except ServerError:
            self._cancel_deletion(bank)
            raise

    def _cancel_deletion(self, bank: str) -> None:
        self.deleting.discard(bank)
        if bank in self.indexes:
            self.comparison_due.add(bank)
            self.settings_due.add(bank)
