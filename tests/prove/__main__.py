"""`make prove`: every campaign at full count, on both databases; writes docs/proof.md."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.core.settings import Settings
from tests.prove.disk import DiskReport, fill_disk
from tests.prove.empty_databases import empty_databases
from tests.prove.kills import Campaign, Report
from tests.prove.long_imports import KILLS_EACH, LongReport, interrupt_imports
from tests.prove.migrations import MigrationReport, kill_migrations
from tests.support.databases import PostgresTemplate, SqliteTemplate

ROOT = Path(__file__).parent.parent.parent
PROOF = ROOT / "docs" / "proof.md"
# Divided between both databases; smaller counts are for work on the campaigns themselves.
KILLS = int(os.environ.get("PROVE_KILLS", "1000"))
LONG_IMPORTS = int(os.environ.get("PROVE_LONG_IMPORTS", "20"))
MIGRATIONS = int(os.environ.get("PROVE_MIGRATIONS", "200"))
FULL_DISK_ATTEMPTS = int(os.environ.get("PROVE_FULL_DISK", "200"))

DATABASES = ("SQLite", "PostgreSQL")

PAGE = """\
# Proof

Written by `make prove`, which tries to lose a write. `make test-full` runs the same campaigns with
smaller counts.

{environment}

## kill -9 during writes and imports

Two clients create and publish questions; every third round one of them sends an import of 300 rows
instead. The service is killed at a random moment (every other time after the first acknowledged
write) and started again. Then every acknowledged write has to exist, every accepted import has to
end, no question may exist twice, and no table may hold rows of an incomplete transaction.

| database | kills | acknowledged writes | accepted imports | interrupted imports | result |
| --- | --- | --- | --- | --- | --- |
{kills}

## kill -9 during long imports

Imports of 16 MB, which two processes beside the service carry out. Only the service is killed,
{each} times at random moments during each import, and started again. Then the import has to end,
with every question published once.

| database | imports | kills | of them while rows were written | result |
| --- | --- | --- | --- | --- |
{long}

## kill -9 during migrations

Each round migrates an empty database and kills the process at a random moment. Afterwards all
tables exist or none does, the next run completes the migration, and tables and models agree.

| database | rounds | killed before the end | result |
| --- | --- | --- | --- |
{migrations}

## A full disk

SQLite may grow to 4 MiB (`max_page_count`) and is filled. From then on writes and imports are
refused, reads succeed, every acknowledged write exists, and with more space writes succeed again.

| writes before | writes tried after | reads after | writes with more space | result |
| --- | --- | --- | --- | --- |
{disk}
"""


def main() -> int:
    """Run the campaigns, write the report, and return 1 when one of them failed."""
    kills: dict[str, Report] = {}
    migrations: dict[str, MigrationReport] = {}
    long: dict[str, LongReport] = {}
    with tempfile.TemporaryDirectory(prefix="quizwell-prove-") as name:
        folder = Path(name)
        with _postgres(folder / "postgres") as postgres:
            sqlite = SqliteTemplate(_make_folder(folder / "sqlite"))
            fresh: dict[str, Callable[..., Settings]] = {
                "SQLite": sqlite.fresh,
                "PostgreSQL": postgres.fresh,
            }
            for seed, kind in enumerate(DATABASES):
                _print(f"{kind}: kills")
                settings = fresh[kind](folder / f"kills-{kind}")
                kills[kind] = Campaign(settings, seed=seed, report_progress=_print).run(
                    KILLS // len(DATABASES)
                )
                _print(f"{kind}: long imports")
                settings = fresh[kind](folder / f"long-{kind}")
                long[kind] = interrupt_imports(
                    settings, LONG_IMPORTS // len(DATABASES), seed=seed, report_progress=_print
                )
                _print(f"{kind}: killed migrations")
                empty = empty_databases(
                    folder / f"migrations{seed}", postgres if kind == "PostgreSQL" else None
                )
                migrations[kind] = kill_migrations(empty, MIGRATIONS // len(DATABASES), seed=seed)
            _print("SQLite: a full disk")
            disk = fill_disk(
                lambda **changes: sqlite.fresh(folder / "disk", **changes), FULL_DISK_ATTEMPTS
            )
    text = _page(kills, long, migrations, disk)
    PROOF.write_text(text)
    _print(text)
    return 1 if "FAILED" in text else 0


@contextmanager
def _postgres(folder: Path) -> Iterator[PostgresTemplate]:
    template = PostgresTemplate(_make_folder(folder))
    try:
        yield template
    finally:
        template.close()


def _make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _page(
    kills: dict[str, Report],
    long: dict[str, LongReport],
    migrations: dict[str, MigrationReport],
    disk: DiskReport,
) -> str:
    refusals = ", ".join(f"{count:,} {code}" for code, count in sorted(disk.refused.items()))
    return PAGE.format(
        environment="\n".join(_environment()),
        kills="\n".join(
            f"| {kind} | {found.kills:,} | {found.writes:,} | {found.imports:,} | "
            f"{found.interrupted_imports:,} | {_result(found.failures)} |"
            for kind, found in kills.items()
        ),
        each=KILLS_EACH,
        long="\n".join(
            f"| {kind} | {found.imports:,} | {found.kills:,} | {found.applying:,} | "
            f"{_result(found.failures)} |"
            for kind, found in long.items()
        ),
        migrations="\n".join(
            f"| {kind} | {found.rounds:,} | {found.kills:,} | {_result(found.failures)} |"
            for kind, found in migrations.items()
        ),
        disk=f"| {disk.writes:,} | {refusals} | {disk.reads:,} | {disk.writes_with_more_space:,} | "
        f"{_result(disk.failures)} |",
    )


def _environment() -> list[str]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return [
        f"- machine: {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}",
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- commit: {_commit()}",
    ]


def _commit() -> str:
    def git(*arguments: str) -> str:
        run = subprocess.run(
            ["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
        )
        return run.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (
        " with uncommitted changes" if git("status", "--porcelain", "--", "app") else ""
    )


def _result(failures: list[str]) -> str:
    return "nothing lost" if not failures else "FAILED: " + "; ".join(failures[:3])


def _print(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
