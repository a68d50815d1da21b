"""Prepares the service before it starts: tables, secrets, the first key, the seed bank."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sqlmodel import select

from app.access.access_snapshot import AccessSnapshot
from app.access.models import Bank
from app.access.service import ensure_admin_key
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.secrets import load_secrets, write_private
from app.core.settings import Settings
from app.migrating import migrate
from app.published.follower import Follower
from app.quizzes.seeding import make_quizzes, read_quizzes
from app.search.synonyms.service import load_synonyms_file
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from app.transfer.cli_import import run_job, staged
from app.transfer.progress import report_lines, shown_progress
from app.transfer.repository import open_count
from app.transfer.seeding import load_terms_file, seed_files
from app.transfer.service import ImportOptions, accept_file

SEED_FOLDER = Path(__file__).parent.parent / "seed"

Say = Callable[[str], None]


class SeedError(Exception):
    """The seed bank cannot be loaded; the message says why."""


def prepare(settings: Settings, say: Say) -> None:
    """Migrate the database, create the first key, and seed an empty database.

    Everything that is done already is left out.
    """
    database = Database(settings)
    load_secrets(settings)
    steps = migrate(database)
    name = "PostgreSQL" if not settings.embedded else str(database.engine.url.database)
    say(f"Database: {name}" + (f" (ran {len(steps)} migrations)" if steps else " (up to date)"))
    with database.write() as session:
        secret = ensure_admin_key(session, settings)
    if secret is not None:
        _show_admin_key(secret, settings, say)
    with database.read() as session:
        is_empty = session.exec(select(Bank.slug).limit(1)).first() is None
        is_unfinished = open_count(session, None) > 0
    if is_empty or is_unfinished:
        load_seed(database, settings, say)
    database.close()


def load_seed(database: Database, settings: Settings, say: Say, folder: Path = SEED_FOLDER) -> None:
    """Load the seed bank by ordinary imports; loading it again changes nothing.

    The terms and the import jobs are created in one transaction. If the process is killed after
    it, the next start finishes the jobs.
    """
    secrets = load_secrets(settings)
    files = seed_files(folder)
    with ExitStack() as stack:
        copies = [stack.enter_context(staged(settings, path)) for _, path in files]
        session = stack.enter_context(database.write())
        jobs = [
            accept_file(
                session, settings, copy, ImportOptions(bank, "jsonl", target="published"), None
            )
            for copy, (bank, _) in zip(copies, files, strict=True)
        ]
        load_terms_file(session, folder / "terms.json")
        load_synonyms_file(session, folder / "synonyms.json")
    counts: Counter[str] = Counter()
    for job, (_, path) in zip(jobs, files, strict=True):
        with shown_progress(path.stem, say) as progress:
            done = run_job(database, settings, secrets, job, progress)
        if done.state == "refused":
            raise SeedError("\n".join([f"{path} cannot be loaded:", *report_lines(done)]))
        counts.update(created=done.created, changed=done.changed, unchanged=done.unchanged)
    quizzes = _load_quizzes(database, settings, folder / "quizzes.json")
    say(
        f"Seed bank: {counts['created']} questions created, {counts['changed']} changed, "
        f"{counts['unchanged']} unchanged; {quizzes} quizzes created"
    )


def _load_quizzes(database: Database, settings: Settings, path: Path) -> int:
    """Create the quizzes of a file that do not exist yet, with a catalog as a worker has."""
    access, vocabularies = AccessSnapshot(settings), VocabularySnapshot()
    catalog = Catalog(database, settings, load_secrets(settings), access, vocabularies)
    asyncio.run(Follower(database, catalog, [access, vocabularies]).catch_up())
    with database.write() as session:
        return make_quizzes(session, catalog, read_quizzes(path))


def _show_admin_key(secret: str, settings: Settings, say: Say) -> None:
    if sys.stderr.isatty():
        say(f"Admin key (shown once, keep it): {secret}")
        return
    path = settings.data_dir / "admin.key"
    write_private(path, secret)
    say(f"Admin key: written to {path}")
