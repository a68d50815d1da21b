"""Banks of generated questions in databases of their own, made by the import that everyone uses."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, create_engine

from app.access.service import ensure_admin_key
from app.core.db.database import Database
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.migrating import migrate
from app.transfer.cli_import import import_file
from app.transfer.seeding import load_terms
from app.transfer.service import ImportOptions
from bench.banks import questions, terms, write_bank

KEY = "bench-admin-key_0123456789-0123456789"
SAMPLE = 1_000


@dataclass(frozen=True)
class Prepared:
    """A bank's size and folder, how many questions a second were imported, and some ids."""

    count: int
    folder: Path
    import_rate: float
    ids: list[str]

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which a server serves it: keys and limits on.

        Without an index made before, search looks for a server that is not there, so that no
        index is being made beside what is measured.
        """
        given = {
            "QUIZWELL_DATA_DIR": str(self.folder),
            "QUIZWELL_ADMIN_KEY": KEY,
            "QUIZWELL_RATE_KEY": "1000000000/minute",
        }
        if not list(self.folder.glob("search-*")):
            given["MEILI_URL"] = "http://127.0.0.1:9"
        return given


def settings_of(folder: Path) -> Settings:
    """Return the settings over a folder's database."""
    return Settings(data_dir=folder, database_url="", admin_key=KEY)


def prepare(folder: Path, count: int) -> Prepared:
    """Make a published bank of `count` questions in `folder`."""
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
    began = time.monotonic()
    job = import_file(database, settings, load_secrets(settings), path, options)
    spent = time.monotonic() - began
    if job.state != "done":
        message = f"the import ended as {job.state}: {job.rows[:3]}"
        raise RuntimeError(message)
    path.unlink()
    with database.read() as session:
        step = max(1, count // SAMPLE)
        statement = text(f"SELECT id FROM published WHERE number % {step} = 0 LIMIT {SAMPLE}")  # noqa: S608 - numbers
        ids = [_dashed(row[0]) for row in session.connection().execute(statement)]
    database.close()
    return Prepared(count, folder, count / spent, ids)


def prepare_textbook(path: Path, count: int) -> None:
    """Fill the textbook's table with the same questions."""
    os.environ["BENCH_DATABASE"] = str(path)
    from bench.textbook import TextbookQuestion  # noqa: PLC0415 - it reads the variable

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
    table = TextbookQuestion.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
    with Session(engine) as session:
        session.connection().execute(table.insert(), rows)
        session.commit()
    engine.dispose()


def _dashed(hexadecimal: str) -> str:
    plain = hexadecimal.replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
