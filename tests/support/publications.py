"""Banks and publications for tests that do not use the editing routes."""

from sqlalchemy import text

from app.core import time_and_random
from app.core.db.database import Database
from app.published.publishing import Publication


def make_bank(database: Database, slug: str = "science", **rules: str) -> None:
    values = {"read": "public", "answers": "public", "exposure": "open", "reveal": "key"} | rules
    statement = text(
        'INSERT INTO banks (slug, name, description, language, "read", answers, exposure, reveal, '
        "created_at) VALUES (:slug, :slug, '', 'en', :read, :answers, :exposure, :reveal, 0)"
    )
    with database.write() as session:
        session.connection().execute(statement, {"slug": slug} | values)


def make_publication(**changes: object) -> Publication:
    values: dict[str, object] = {
        "id": time_and_random.uuid7(),
        "number": None,
        "bank": "science",
        "revision": 1,
        "kind": "true_false",
        "categories": (),
        "companies": (),
        "tags": (),
        "levels": (),
        "difficulty": "easy",
        "language": "en",
        "family": None,
        "translation_group": None,
        "document": b"{}",
        "answers": b'{"answer":{"value":true},"explanation":"","feedback":{}}',
        "published_at": 0,
        "updated_at": 0,
    }
    return Publication(**(values | changes))  # type: ignore[arg-type]
