"""Publications for tests of the packages that do not import editing."""

from sqlalchemy import text

from app.core import time_and_random
from app.core.db.database import Database
from app.published.feed_columns import (
    FACET_COLUMNS,
    FEED_COLUMNS,
    PublishedRow,
    facet_texts,
    feed_row,
)
from app.published.publishing import Publication


def make_bank(database: Database, slug: str = "science", **rules: str) -> None:
    given = {"read": "public", "answers": "public", "exposure": "open", "reveal": "key"} | rules
    statement = text(
        'INSERT INTO banks (slug, name, description, language, "read", answers, exposure, reveal, '
        "created_at) VALUES (:slug, :slug, '', 'en', :read, :answers, :exposure, :reveal, 0)"
    )
    with database.write() as session:
        session.connection().execute(statement, {"slug": slug} | given)


FACET_VALUES = {"kind": "true_false", "difficulty": "easy", "language": "en"}


def make_publication(**changes: object) -> Publication:
    """Return a publication; facets are given by column, as in a question's content."""
    facets = FACET_VALUES | {name: changes.pop(name) for name in FACET_COLUMNS if name in changes}
    given: dict[str, object] = {
        "id": time_and_random.uuid7(),
        "number": None,
        "bank": "science",
        "revision": 1,
        "facets": facet_texts(facets),
        "family": None,
        "translation_group": None,
        "document": b"{}",
        "answers": b'{"answer":{"value":true},"explanation":"","feedback":{}}',
        "published_at": 0,
        "updated_at": 0,
    }
    return Publication(**(given | changes))  # type: ignore[arg-type]


def make_row(**changes: object) -> PublishedRow:
    """Return a row of the change feed; facets are given by column, as texts."""
    given: dict[str, object] = {
        "number": 1,
        "id": bytes(16),
        "bank": "science",
        "seq": 1,
        "revision": 1,
        "updated_at": 0,
    }
    texts = dict.fromkeys(FACET_COLUMNS, "") | FACET_VALUES
    values = given | texts | changes
    return feed_row([values[name] for name in FEED_COLUMNS])


def change_row(row: PublishedRow, **changes: object) -> PublishedRow:
    """Return a row with other values; facets are given by column, as texts."""
    texts = dict(zip(FACET_COLUMNS, row.facets, strict=True))
    return make_row(**(row._asdict() | texts | changes))
