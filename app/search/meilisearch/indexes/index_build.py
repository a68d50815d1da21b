"""Builds a staging index beside a bank's live index, and swaps them when it is complete.

Takes the bank's IndexState; gives a new live index. The maintenance runs one build for each bank
whose index is missing or must be rebuilt. The build saves what it must remember in the state's
row, so that another process can continue it.
"""

import logging
import time
from enum import Enum, auto
from typing import Protocol

from app.search.indexing.context import IndexingContext
from app.search.meilisearch.client import AdminClient, EnqueuedTask
from app.search.meilisearch.failures import FailureKind, ServerError
from app.search.meilisearch.indexes.comparison import IndexComparison
from app.search.meilisearch.indexes.index_names import live_index_name, staging_index_name
from app.search.meilisearch.indexes.index_settings import desired_settings, settings_changes
from app.search.meilisearch.sender import Sender
from app.search.meilisearch.state import IndexState, MirrorStateStore
from app.search.meilisearch.timings import Timings

log = logging.getLogger(__name__)


class Phase(Enum):
    """What the next step of a build does."""

    CREATE = auto()
    CONFIGURE = auto()
    OPEN = auto()
    FILL = auto()
    AWAIT_SWAPS = auto()
    SWAP = auto()
    FINISH = auto()
    DONE = auto()


# In these phases the staging index receives every change of the feed.
REPLICATED_PHASES = frozenset({Phase.FILL, Phase.AWAIT_SWAPS, Phase.SWAP, Phase.FINISH})


class BuildContext(Protocol):
    """The services that a build uses; implemented by the maintenance."""

    prefix: str
    client: AdminClient
    sender: Sender
    store: MirrorStateStore
    context: IndexingContext
    timings: Timings

    def new_comparison(self, bank: str, index: str, *, index_is_empty: bool) -> IndexComparison:
        """Return a comparison that has not started."""

    def count_live_questions(self, bank: str) -> int:
        """Return how many live questions a bank has."""


class IndexBuild:
    """The build of one bank's index; `step` does the next piece of work and never blocks.

    While the staging index is filled, the replicator sends each change to both indexes. A build
    that was interrupted continues with the same staging index: its comparison skips the documents
    that are already indexed. `needs_comparison` is set when the rules changed too late for the
    staging index to be filled again.
    """

    def __init__(self, services: BuildContext, index: IndexState) -> None:
        """Start a build, or continue the one that the index's row describes."""
        self._services = services
        self._index = index
        self._live_name = live_index_name(services.prefix, index.bank)
        self._is_waiting = False
        self._staging_is_empty = False
        self._retry_at = 0.0
        self._comparison: IndexComparison | None = None
        self._swap_requested = False
        # Incremented to ignore the results of tasks that belong to an abandoned attempt.
        self._attempt = 0
        self.needs_comparison = False
        self.phase = Phase.CREATE if index.staging_created_at is None else Phase.CONFIGURE

    @property
    def replicated_index(self) -> str | None:
        """The staging index's name while changes must be sent to it, else None."""
        return self._index.staging_name if self.phase in REPLICATED_PHASES else None

    @property
    def is_done(self) -> bool:
        """Whether the staging index has become the live one."""
        return self.phase is Phase.DONE

    @property
    def reads_rows(self) -> bool:
        """Whether the next step reads more questions and queues them."""
        return (
            self.phase is Phase.FILL
            and self._comparison is not None
            and not self._comparison.all_read
        )

    def refill(self) -> None:
        """Compare the staging index again from the start, because the rules have changed."""
        if self._swap_requested or self.phase is Phase.FINISH:
            self.needs_comparison = True
        elif self.phase in REPLICATED_PHASES:
            self._resume_sending()
            self._attempt += 1
            self._is_waiting = self._staging_is_empty = False
            self.phase = Phase.OPEN

    def restart(self) -> None:
        """Start again with a new staging index, because the current one was lost."""
        if self._index.staging_name is not None:
            self._services.sender.discard(self._index.staging_name)
        self._services.sender.paused_indexes.discard(self._live_name)
        self._index.staging_name = self._index.staging_created_at = None
        self._save("staging_name", "staging_created_at")
        self._comparison = None
        self._swap_requested = False
        self._attempt += 1
        self._is_waiting = False
        self.phase = Phase.CREATE

    def step(self) -> None:
        """Do the work of the current phase, unless a task or a backoff must be awaited."""
        if self._is_waiting or time.monotonic() < self._retry_at:
            return
        match self.phase:
            case Phase.CREATE:
                self._create()
            case Phase.CONFIGURE:
                self._configure()
            case Phase.OPEN:
                self._open()
            case Phase.FILL:
                self._fill()
            case Phase.AWAIT_SWAPS:
                self._await_swaps()
            case Phase.SWAP:
                self._swap()
            case Phase.FINISH:
                self._finish()
            case Phase.DONE:
                pass

    def _create(self) -> None:
        index = self._index
        if index.staging_name is None:
            index.staging_name = staging_index_name(self._services.prefix, index.bank)
            index.copied_rows = 0
            index.total_rows = self._services.count_live_questions(index.bank)
            self._save("staging_name", "copied_rows", "total_rows")
        self._staging_is_empty = True
        self._wait_for(self._services.client.create_index(index.staging_name), Phase.CONFIGURE)

    def _configure(self) -> None:
        index, client = self._index, self._services.client
        if index.staging_name is None:
            self.restart()
            return
        created_at = client.index_created_at(index.staging_name)
        if index.staging_created_at is None and created_at is not None:
            index.staging_created_at = created_at
            self._save("staging_created_at")
        if created_at is None or created_at != index.staging_created_at:
            if self._is_swapped(client.index_created_at(self._live_name)):
                # The last process was killed after the swap and before it saved that.
                self._pause_sending()
                self.phase = Phase.FINISH
            else:
                self.restart()
            return
        current = client.get_settings(index.staging_name)
        changes = settings_changes(desired_settings(self._services.context.synonyms), current)
        if changes:
            self._wait_for(client.update_settings(index.staging_name, changes), Phase.OPEN)
        else:
            self.phase = Phase.OPEN

    def _open(self) -> None:
        # From the next phase on changes go to both indexes; the first row is read only after that.
        self.phase = Phase.FILL
        self._comparison = self._services.new_comparison(
            self._index.bank,
            str(self._index.staging_name),
            index_is_empty=self._staging_is_empty,
        )

    def _fill(self) -> None:
        comparison = self._comparison
        if comparison is None:
            self.restart()
            return
        if not comparison.all_read:
            comparison.step()
            self._index.copied_rows = comparison.rows_read
            self._save("copied_rows")
        elif comparison.is_done and not self._services.sender.has_batches_for(
            str(self._index.staging_name)
        ):
            self._pause_sending()
            self.phase = Phase.AWAIT_SWAPS

    def _await_swaps(self) -> None:
        # A key that is limited to some indexes cannot read the tasks of swaps. But tasks finish in
        # order: when this deletion of nothing has finished, every earlier swap has finished too.
        task = self._services.client.delete_documents(str(self._index.staging_name), [])
        self._wait_for(task, Phase.SWAP)

    def _swap(self) -> None:
        client = self._services.client
        live_created_at = client.index_created_at(self._live_name)
        if self._is_swapped(live_created_at):
            self.phase = Phase.FINISH
            return
        if self._swap_requested:
            log.warning("the swap of %s did not happen; it is retried", self._live_name)
            self._retry_at = time.monotonic() + self._services.timings.retry_seconds
        self._swap_requested = True
        self.phase = Phase.AWAIT_SWAPS
        client.swap_indexes(
            self._live_name, str(self._index.staging_name), rename=live_created_at is None
        )

    def _finish(self) -> None:
        index, services = self._index, self._services
        old_created_at, staging_name = index.live_created_at, str(index.staging_name)
        index.live_created_at = index.staging_created_at
        index.staging_name = index.staging_created_at = None
        index.rebuild_requested = False
        index.comparison_requested &= self.needs_comparison
        self._save(
            "live_created_at",
            "staging_name",
            "staging_created_at",
            "rebuild_requested",
            "comparison_requested",
        )
        services.sender.redirect(staging_name, self._live_name)
        services.sender.paused_indexes -= {self._live_name, staging_name}
        self.phase = Phase.DONE
        if services.client.index_created_at(staging_name) is not None:
            # After a swap the old live index has the staging index's name.
            services.sender.track(services.client.delete_index(staging_name), lambda _: None)
        log.info("the index %s was replaced (created before: %s)", self._live_name, old_created_at)

    def _is_swapped(self, live_created_at: str | None) -> bool:
        """Return whether the live index is the one that this build created."""
        return live_created_at is not None and live_created_at == self._index.staging_created_at

    def _pause_sending(self) -> None:
        # Nothing may be sent to a name while a swap may change which index has it.
        self._services.sender.paused_indexes |= {self._live_name, str(self._index.staging_name)}

    def _resume_sending(self) -> None:
        self._services.sender.paused_indexes -= {self._live_name, str(self._index.staging_name)}

    def _save(self, *names: str) -> None:
        self._services.store.update_index(self._index, *names)

    def _wait_for(self, task: EnqueuedTask, next_phase: Phase) -> None:
        """Go to `next_phase` when the task has succeeded; start again when it has failed."""
        self._is_waiting = True
        attempt = self._attempt

        def on_finished(error: ServerError | None) -> None:
            if attempt != self._attempt:
                return
            self._is_waiting = False
            if error is None or error.code == "index_already_exists":
                self.phase = next_phase
                return
            if next_phase is Phase.SWAP and error.kind is FailureKind.INDEX_MISSING:
                # After a renaming the staging index does not exist any more.
                self.phase = next_phase
                return
            log.warning("the build of %s failed: %s", self._live_name, error)
            signals = self._services.sender.signals
            signals.check_due = True
            signals.rolled_back |= error.kind is FailureKind.TASK_MISSING
            self._retry_at = time.monotonic() + self._services.timings.retry_seconds
            if next_phase is not Phase.SWAP:
                self.restart()

        self._services.sender.track(task, on_finished)
