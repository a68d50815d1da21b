"""The mirror's status as every worker reads it from the database, wherever the mirror runs.

The engine reads it to decide which indexes are complete; `/readyz` and `/metrics` show it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.published.follower import NO_MARK
from app.search.indexing.feed_reader import has_live_question
from app.search.meilisearch.state import IndexState, MirrorStateStore

NO_REPORT: Mapping[str, Any] = {"condition": "starting", "error": None, "behind_since": None}


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    """The mirror at one moment.

    `mark` is what was acknowledged and `clock` what is public. `live_banks` have a live index,
    `unverified_banks` have none or one that must be compared first. `report` comes from the
    replicator. `mark_seen_at` is when this process first read `mark` (milliseconds).
    """

    mark: Mark = NO_MARK
    clock: Mark = NO_MARK
    live_banks: frozenset[str] = frozenset()
    unverified_banks: frozenset[str] = frozenset()
    report: Mapping[str, Any] = field(default_factory=lambda: NO_REPORT)
    mark_seen_at: int = 0

    @property
    def reached(self) -> Mark:
        """The public state that every index contains; NO_MARK while any index is unverified."""
        return NO_MARK if self.unverified_banks else self.mark

    @property
    def lag(self) -> float:
        """Seconds since the oldest unacknowledged change; 0 when all are acknowledged."""
        if self.mark == self.clock and not self.unverified_banks:
            return 0.0
        since = self.report.get("behind_since") or self.mark_seen_at
        return max(0.0, (time_and_random.milliseconds() - since) / 1000)

    def details(self) -> dict[str, Any]:
        """Return the mirror's part of `/readyz`."""
        return {
            "lag_seconds": round(self.lag, 3),
            "behind": max(0, self.clock.seq - self.mark.seq),
            "epoch": self.mark.epoch,
            "seq": self.mark.seq,
            "unsure": sorted(self.unverified_banks),
            **self.report,
        }


def read_status(database: Database, last: MirrorStatus | None = None) -> MirrorStatus:
    """Return the mirror's status; `last` is the last one that this process read."""
    store = MirrorStateStore(database)
    saved = store.load()
    with database.read() as session:
        clock = read_mark(session)
    now = time_and_random.milliseconds()
    if saved is None:
        return MirrorStatus(clock=clock, mark_seen_at=last.mark_seen_at if last else now)
    progress, indexes = saved
    mark_is_new = last is None or last.mark != progress.mark
    return MirrorStatus(
        mark=progress.mark,
        clock=clock,
        live_banks=frozenset(
            bank for bank, index in indexes.items() if index.live_created_at is not None
        ),
        unverified_banks=frozenset(
            bank for bank, index in indexes.items() if _is_unverified(index)
        ),
        report={**(progress.report or NO_REPORT), "quarantined": store.count_quarantined()},
        mark_seen_at=now if last is None or mark_is_new else last.mark_seen_at,
    )


def bank_needs_index(database: Database, bank: str, mark: Mark) -> bool:
    """Return whether a bank without an index had live questions when the mirror reached `mark`."""
    with database.read() as session:
        return not mark.epoch or has_live_question(session.connection(), bank, mark.seq)


def _is_unverified(index: IndexState) -> bool:
    return index.live_created_at is None or index.comparison_requested
