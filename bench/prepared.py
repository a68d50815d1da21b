"""Prepares databases with generated banks, through the same import that users have."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, create_engine

from app.access.service import ensure_admin_key
from app.core.db.database import Database
from app.core.db.tables import table_of
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.migrating import migrate
from app.transfer.cli_import import import_file
from app.transfer.seeding import load_terms
from app.transfer.service import ImportOptions
from bench.banks import questions, terms, write_bank

KEY = "bench-admin-key_0123456789-0123456789"
MAX_SAMPLED_IDS = 1_000


@dataclass(frozen=True)
class PreparedBank:
    """A published bank: its size and folder, the import's questions per second, and some ids."""

    count: int
    folder: Path
    import_rate: float
    ids: list[str]

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a server for this bank, with keys and rate limits on.

        If the folder has no search index, the settings name a search server that does not exist:
        otherwise the server would build an index during the measurement.
        """
        variables = {
            "QUIZWELL_DATA_DIR": str(self.folder),
            "QUIZWELL_ADMIN_KEY": KEY,
            "QUIZWELL_RATE_KEY": "1000000000/minute",
        }
        if not list(self.folder.glob("search-*")):
            variables["MEILI_URL"] = "http://127.0.0.1:9"
        return variables


def settings_of(folder: Path) -> Settings:
    """Return the settings of the database in a folder."""
    return Settings(data_dir=folder, database_url="", admin_key=KEY)


def prepare_bank(folder: Path, count: int) -> PreparedBank:
    """Create a database in `folder` with a published bank of `count` questions."""
    folder.mkdir(parents=True)
    settings = settings_of(folder)
    database = Database(settings)
    migrate(database)
    with database.write() as session:
        ensure_admin_key(session, settings)
    with database.write() as session:
        load_terms(session, terms())
    path = folder / "bank.jsonl"
    write_bank(path, count)
    options = ImportOptions("bench", "jsonl", target="published")
    started_at = time.monotonic()
    job = import_file(database, settings, load_secrets(settings), path, options)
    seconds = time.monotonic() - started_at
    if job.state != "done":
        message = f"the import ended as {job.state}: {job.rows[:3]}"
        raise RuntimeError(message)
    path.unlink()
    with database.read() as session:
        step = max(1, count // MAX_SAMPLED_IDS)
        statement = text("SELECT id FROM published WHERE number % :step = 0 LIMIT :limit")
        values = {"step": step, "limit": MAX_SAMPLED_IDS}
        rows = session.connection().execute(statement, values)
        ids = [_with_dashes(row[0]) for row in rows]
    database.close()
    return PreparedBank(count, folder, count / seconds, ids)


def prepare_textbook(path: Path, count: int) -> None:
    """Fill the table of the textbook baseline with the same questions."""
    os.environ["BENCH_DATABASE"] = str(path)
    from bench.textbook import TextbookQuestion  # noqa: PLC0415 - it reads the variable when it is imported

    engine = create_engine(f"sqlite:///{path}")
    TextbookQuestion.metadata.create_all(engine)
    rows = [
        {
            "stem": str(question["stem"]),
            "options": str(question["options"]),
            "category": str(question["categories"]),
            "difficulty": str(question["difficulty"]),
            "company": str(question["companies"]),
        }
        for question in questions(count)
    ]
    table = table_of(TextbookQuestion)
    with Session(engine) as session:
        session.connection().execute(table.insert(), rows)
        session.commit()
    engine.dispose()


def _with_dashes(hexadecimal: str) -> str:
    plain = hexadecimal.replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
