"""Reads the change feed for the indexers: rows by `seq`, by number or by bank."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, bindparam, text

from app.core.db.edition_clock import Mark
from app.published.feed_columns import FEED_COLUMNS, PublishedRow, feed_row

_COLUMNS = ", ".join(FEED_COLUMNS)
_ROWS_AFTER = text(
    f"SELECT {_COLUMNS} FROM published WHERE seq > :seq ORDER BY seq LIMIT :limit"  # noqa: S608
)
_ROWS_BY_NUMBER = text(
    f"SELECT {_COLUMNS} FROM published WHERE number IN :numbers"  # noqa: S608
).bindparams(bindparam("numbers", expanding=True))
_LIVE_ROWS = text(
    f"SELECT {_COLUMNS} FROM published WHERE bank = :bank AND revision IS NOT NULL"  # noqa: S608
    " AND number > :number ORDER BY number LIMIT :limit"
)
_COUNT_LIVE = text("SELECT count(*) FROM published WHERE bank = :bank AND revision IS NOT NULL")
_HAS_LIVE = text(
    "SELECT 1 FROM published JOIN banks ON slug = bank WHERE bank = :bank AND exposure = 'open'"
    " AND revision IS NOT NULL AND seq <= :seq LIMIT 1"
)
_CLOCK_AND_REQUESTS = text(
    "SELECT epoch, seq, config_version, (SELECT requests FROM search_mirror) FROM clock"
)
_ACKNOWLEDGED_SEQ = text("SELECT seq FROM search_mirror")
NUMBERS_PER_QUERY = 500


def read_clock_and_requests(connection: Connection) -> tuple[Mark, int]:
    """Return the clock's mark and the number of operator requests so far, in one query."""
    *mark, requests = connection.execute(_CLOCK_AND_REQUESTS).one()
    return Mark(*mark), requests or 0


def rows_after(connection: Connection, seq: int, limit: int) -> list[PublishedRow]:
    """Return at most `limit` rows after `seq`, in the order of the feed."""
    found = connection.execute(_ROWS_AFTER, {"seq": seq, "limit": limit})
    return [_published_row(row) for row in found]


def rows_by_number(connection: Connection, numbers: Sequence[int]) -> dict[int, PublishedRow]:
    """Return the current rows of questions by number; unknown numbers are absent."""
    found: dict[int, PublishedRow] = {}
    for start in range(0, len(numbers), NUMBERS_PER_QUERY):
        chunk = list(numbers[start : start + NUMBERS_PER_QUERY])
        for row in connection.execute(_ROWS_BY_NUMBER, {"numbers": chunk}):
            found[row.number] = _published_row(row)
    return found


def live_rows(connection: Connection, bank: str, after: int, limit: int) -> list[PublishedRow]:
    """Return at most `limit` live rows of a bank with a number above `after`, by number."""
    found = connection.execute(_LIVE_ROWS, {"bank": bank, "number": after, "limit": limit})
    return [_published_row(row) for row in found]


def count_live(connection: Connection, bank: str) -> int:
    """Return how many live questions a bank has."""
    return int(connection.execute(_COUNT_LIVE, {"bank": bank}).scalar_one())


def acknowledged_seq(connection: Connection) -> int:
    """Return the `seq` up to which the mirror has acknowledged the feed."""
    return int(connection.execute(_ACKNOWLEDGED_SEQ).scalar() or 0)


def has_live_question(connection: Connection, bank: str, seq: int) -> bool:
    """Return whether an open bank has a live question that was published up to `seq`."""
    return connection.execute(_HAS_LIVE, {"bank": bank, "seq": seq}).first() is not None


def _published_row(row: Sequence[object]) -> PublishedRow:
    number, raw_id, *others = row
    id_bytes = raw_id.bytes if isinstance(raw_id, UUID) else bytes.fromhex(str(raw_id))
    return feed_row((number, id_bytes, *others))
