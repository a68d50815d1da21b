"""Compares a replica with the database, by number and revision, in both directions.

Takes a replica; gives a DriftReport with the numbers of the questions that differ.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from app.access.access_snapshot import AccessSnapshot
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.settings import Settings
from app.search.indexing.feed_reader import rows_by_number
from app.search.operations.replicas import Replica

# How long a replica may take to reach the mark that is current when the check starts.
CATCH_UP_SECONDS = 5.0
CATCH_UP_POLL_SECONDS = 0.05
# The report names at most this many numbers of each kind; the counts are complete.
MAX_NAMED_NUMBERS = 100

_LIVE = text("SELECT number, revision, bank FROM published WHERE revision IS NOT NULL")


@dataclass(slots=True)
class DriftReport:
    """How a replica differs from the database.

    `behind`: it has not reached the clock. `compared` counts the questions that it should contain,
    `quarantined` those that it is known to lack. The lists hold the numbers of questions that are
    missing from it, that are outdated in it (`stale`), and that it has although they are not
    published (`ghost`).
    """

    name: str
    behind: bool = False
    compared: int = 0
    quarantined: int = 0
    missing: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    ghost: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many questions differ."""
        return len(self.missing) + len(self.stale) + len(self.ghost)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON, with the first numbers of each kind."""
        return {
            "name": self.name,
            "behind": self.behind,
            "compared": self.compared,
            "quarantined": self.quarantined,
            **{
                kind: {"count": len(numbers), "numbers": numbers[:MAX_NAMED_NUMBERS]}
                for kind, numbers in (
                    ("missing", self.missing),
                    ("stale", self.stale),
                    ("ghost", self.ghost),
                )
            },
        }


async def check_replica(database: Database, settings: Settings, replica: Replica) -> DriftReport:
    """Compare a replica with the database, up to the mark that the replica has reached.

    Rows that change during the check are not counted. ReplicaError if the replica cannot be read.
    """
    clock = await asyncio.to_thread(_read_clock, database)
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while not (caught_up := replica.mark.covers(clock)) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process changes it
        await asyncio.sleep(CATCH_UP_POLL_SECONDS)
    mark = replica.mark
    # A replica in another epoch has reached no row of this one.
    up_to_seq = min(clock.seq, mark.seq) if mark.epoch == clock.epoch else 0
    revisions = {number: revision async for number, revision in replica.revisions()}
    report = await asyncio.to_thread(_compare, database, settings, replica, revisions, up_to_seq)
    report.behind = not caught_up
    quarantined = replica.quarantined_numbers()
    report.missing = [number for number in report.missing if number not in quarantined]
    report.quarantined = len(quarantined)
    return report


def _read_clock(database: Database) -> Mark:
    with database.read() as session:
        return read_mark(session)


def _compare(
    database: Database,
    settings: Settings,
    replica: Replica,
    revisions: Mapping[int, int],
    up_to_seq: int,
) -> DriftReport:
    """Return the report for a replica that contains `revisions`, by number."""
    report = DriftReport(replica.name)
    unmatched = dict(revisions)
    missing, stale = [], []
    with database.read() as session:
        banks = _replicated_banks(session, settings, replica)
        connection = session.connection()
        for number, revision, bank in connection.execute(_LIVE):
            if bank not in banks:
                continue
            report.compared += 1
            found = unmatched.pop(number, None)
            if found is None:
                missing.append(number)
            elif found != revision:
                stale.append(number)
        rows = rows_by_number(connection, [*missing, *stale, *unmatched])

    def reached(numbers: Sequence[int]) -> list[int]:
        """Leave out the questions that were published after the replica's mark."""
        return sorted(
            number for number in numbers if number not in rows or rows[number].seq <= up_to_seq
        )

    report.missing, report.stale = reached(missing), reached(stale)
    report.ghost = reached(list(unmatched))
    return report


def _replicated_banks(session: Session, settings: Settings, replica: Replica) -> set[str]:
    access = AccessSnapshot(settings)
    access.load(session)
    return {
        slug
        for slug, bank in access.rights.banks.items()
        if replica.includes_exam_banks or bank.exposure == "open"
    }
