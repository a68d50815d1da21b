"""kill -9 during a migration: all tables exist or none does, and it can run again."""

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
from tests.prove.service_process import CONTEXT

MIGRATION_SECONDS = 60


@dataclass
class MigrationReport:
    """Counts of migrations, of those that were killed, and what was wrong afterwards."""

    rounds: int = 0
    kills: int = 0
    failures: list[str] = field(default_factory=list)


def _migrate(settings: Settings) -> None:
    database = Database(settings)
    migrate(database)
    database.close()


def kill_migrations(empty: Callable[[], Settings], rounds: int, seed: int) -> MigrationReport:
    """Migrate `rounds` empty databases: kill each at a random moment, then run it again."""
    chance = random.Random(seed)
    report = MigrationReport()
    began = time.monotonic()
    _run_for(empty(), MIGRATION_SECONDS)
    full_seconds = time.monotonic() - began
    for _ in range(rounds):
        settings = empty()
        report.rounds += 1
        report.kills += _run_for(settings, chance.uniform(0.0, full_seconds))
        _check_tables(settings, report)
    return report


def _run_for(settings: Settings, seconds: float) -> bool:
    """Migrate in a process; kill it after that time, and return whether it was killed."""
    process = CONTEXT.Process(target=_migrate, args=(settings,), daemon=True)
    process.start()
    process.join(seconds)
    killed = process.is_alive()
    if killed and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    return killed


def _check_tables(settings: Settings, report: MigrationReport) -> None:
    database = Database(settings)
    tables = inspect(database.engine).get_table_names()
    if tables and not is_migrated(database):
        report.failures.append(f"incomplete: {tables}")
    migrate(database)
    # Raises where tables and models differ.
    check(database)
    database.close()
