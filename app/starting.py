"""What happens before the first request: tables, secrets, the first key, the seed bank."""

import sys
from collections.abc import Callable
from pathlib import Path

from sqlmodel import select

from app.access.models import Bank
from app.access.service import ensure_admin_key
from app.core.database import Database
from app.core.secrets import load_secrets, write_private
from app.core.settings import Settings
from app.migrating import migrate
from app.transfer.seeding import load_terms_file, seed_files

SEED = Path(__file__).parent.parent / "seed"

Say = Callable[[str], None]


def prepare(settings: Settings, say: Say) -> None:
    """Migrate, make the first key, seed an empty database; nothing of it happens twice."""
    database = Database(settings)
    load_secrets(settings)
    steps = migrate(database)
    place = "PostgreSQL" if not settings.embedded else str(database.engine.url.database)
    say(f"Database: {place}" + (f" (ran {len(steps)} migrations)" if steps else " (up to date)"))
    with database.write() as session:
        secret = ensure_admin_key(session, settings)
    if secret is not None:
        _hand_over(secret, settings, say)
    with database.read() as session:
        is_empty = session.exec(select(Bank.slug).limit(1)).first() is None
    if is_empty:
        load_seed(database, settings, say)
    database.close()


def _hand_over(secret: str, settings: Settings, say: Say) -> None:
    if sys.stderr.isatty():
        say(f"Admin key (shown once, keep it): {secret}")
        return
    path = settings.data_dir / "admin.key"
    write_private(path, secret)
    say(f"Admin key: written to {path}")
