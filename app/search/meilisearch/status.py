"""What every worker knows of the mirror, wherever it runs: its mark and its indexes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.published.follower import NO_MARK
from app.search.indexing.feed_reader import had_live
from app.search.meilisearch.state import Place, States

NO_REPORT: Mapping[str, Any] = {"condition": "starting", "error": None, "behind_since": None}


@dataclass(frozen=True, slots=True)
class Status:
    """The mirror at one moment, as the database tells of it."""

    mark: Mark = NO_MARK
    clock: Mark = NO_MARK
    live: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    report: Mapping[str, Any] = field(default_factory=lambda: NO_REPORT)
    at: int = 0

    @property
    def reached(self) -> Mark:
        """The state that every index holds; no state while one may hold an older one."""
        return NO_MARK if self.unsure else self.mark

    @property
    def lag(self) -> float:
        """Seconds since the oldest change that has not arrived, zero when all have."""
        if self.mark == self.clock and not self.unsure:
            return 0.0
        since = self.report.get("behind_since") or self.at
        return max(0.0, (time_and_random.milliseconds() - since) / 1000)

    def details(self) -> dict[str, Any]:
        """Return what `/readyz` and the check tell of the mirror."""
        return {
            "lag_seconds": round(self.lag, 3),
            "behind": max(0, self.clock.seq - self.mark.seq),
            "epoch": self.mark.epoch,
            "seq": self.mark.seq,
            "unsure": sorted(self.unsure),
            **self.report,
        }


def read_status(database: Database, before: Status | None = None) -> Status:
    """Return the mirror's state; `before` tells since when it lags."""
    states = States(database)
    kept = states.read()
    with database.read() as session:
        clock = read_mark(session)
    if kept is None:
        return Status(clock=clock, at=before.at if before else time_and_random.milliseconds())
    progress, places = kept
    moved = before is None or before.mark != progress.mark
    return Status(
        mark=progress.mark,
        clock=clock,
        live=frozenset(bank for bank, place in places.items() if place.incarnation is not None),
        unsure=frozenset(bank for bank, place in places.items() if _is_unsure(place)),
        report={**(progress.report or NO_REPORT), "quarantined": states.count_quarantined()},
        at=time_and_random.milliseconds() if moved or before is None else before.at,
    )


def is_expected(database: Database, bank: str, mark: Mark) -> bool:
    """Return whether the mirror claims to have sent something of the bank."""
    with database.read() as session:
        return not mark.epoch or had_live(session.connection(), bank, mark.seq)


def _is_unsure(place: Place) -> bool:
    return place.incarnation is None or place.compare
