"""kill -9 during a migration: afterwards all tables are there or none is, and it can run again."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import inspect

from app.core.db.database import Database
from app.core.settings import Settings
from app.migrating import check, is_migrated, migrate
from tests.prove.child import CONTEXT

PATIENCE = 60


@dataclass
class MigrationReport:
    """How many migrations began, how many died before their end, and what was wrong then."""

    rounds: int = 0
    kills: int = 0
    failures: list[str] = field(default_factory=list)


def _migrate(settings: Settings) -> None:
    database = Database(settings)
    migrate(database)
    database.close()


def kill_migrations(empty: Callable[[], Settings], rounds: int, seed: int) -> MigrationReport:
    """Migrate `rounds` empty databases, each killed at a moment of its own, then once more."""
    chance = random.Random(seed)
    report = MigrationReport()
    began = time.monotonic()
    _run(empty(), PATIENCE)
    whole = time.monotonic() - began
    for _ in range(rounds):
        settings = empty()
        report.rounds += 1
        report.kills += _run(settings, chance.uniform(0.0, whole))
        _examine(settings, report)
    return report


def _run(settings: Settings, seconds: float) -> bool:
    """Migrate in a process of its own; return whether it had to be killed after that time."""
    process = CONTEXT.Process(target=_migrate, args=(settings,), daemon=True)
    process.start()
    process.join(seconds)
    killed = process.is_alive()
    if killed and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    return killed


def _examine(settings: Settings, report: MigrationReport) -> None:
    database = Database(settings)
    tables = inspect(database.engine).get_table_names()
    if tables and not is_migrated(database):
        report.failures.append(f"half-done: {tables}")
    migrate(database)
    # Raises where tables and models differ.
    check(database)
    database.close()
