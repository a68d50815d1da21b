"""Reads the change feed for the mirror: rows by their place, by number, by bank."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, bindparam, text

from app.core.db.edition_clock import Mark
from app.published.follower import PublishedRow

_COLUMNS = ", ".join(PublishedRow._fields)
_AFTER = text(
    f"SELECT {_COLUMNS} FROM published WHERE seq > :seq ORDER BY seq LIMIT :most"  # noqa: S608
)
_NUMBERS = text(
    f"SELECT {_COLUMNS} FROM published WHERE number IN :numbers"  # noqa: S608
).bindparams(bindparam("numbers", expanding=True))
_BANK = text(
    f"SELECT {_COLUMNS} FROM published WHERE bank = :bank AND revision IS NOT NULL"  # noqa: S608
    " AND number > :number ORDER BY number LIMIT :most"
)
_LIVE = text("SELECT count(*) FROM published WHERE bank = :bank AND revision IS NOT NULL")
_SOME = text(
    "SELECT 1 FROM published JOIN banks ON slug = bank WHERE bank = :bank AND exposure = 'open'"
    " AND revision IS NOT NULL AND seq <= :seq LIMIT 1"
)
_PEEK = text("SELECT epoch, seq, config_version, (SELECT requests FROM search_mirror) FROM clock")
_ACKNOWLEDGED = text("SELECT seq FROM search_mirror")
CHUNK = 500


def peek(connection: Connection) -> tuple[Mark, int]:
    """Return where the clock stands, and how often operators have asked for something."""
    *mark, requests = connection.execute(_PEEK).one()
    return Mark(*mark), requests or 0


def rows_after(connection: Connection, seq: int, most: int) -> list[PublishedRow]:
    """Return at most `most` rows behind the place `seq`, in the order of the feed."""
    found = connection.execute(_AFTER, {"seq": seq, "most": most})
    return [_row(row) for row in found]


def rows_numbered(connection: Connection, numbers: Sequence[int]) -> dict[int, PublishedRow]:
    """Return the rows with these numbers as they stand now; what does not exist is absent."""
    found: dict[int, PublishedRow] = {}
    for start in range(0, len(numbers), CHUNK):
        part = list(numbers[start : start + CHUNK])
        for row in connection.execute(_NUMBERS, {"numbers": part}):
            found[row.number] = _row(row)
    return found


def live_rows(connection: Connection, bank: str, number: int, most: int) -> list[PublishedRow]:
    """Return at most `most` live rows of a bank behind `number`, in the order of their numbers."""
    found = connection.execute(_BANK, {"bank": bank, "number": number, "most": most})
    return [_row(row) for row in found]


def count_live(connection: Connection, bank: str) -> int:
    """Return how many live questions a bank has."""
    return int(connection.execute(_LIVE, {"bank": bank}).scalar_one())


def acknowledged_seq(connection: Connection) -> int:
    """Return the place in the feed up to which the mirror has acknowledged."""
    return int(connection.execute(_ACKNOWLEDGED).scalar() or 0)


def had_live(connection: Connection, bank: str, seq: int) -> bool:
    """Return whether a searchable bank has a live question that stands in the feed up to `seq`."""
    return connection.execute(_SOME, {"bank": bank, "seq": seq}).first() is not None


def _row(row: Sequence[object]) -> PublishedRow:
    number, raw_id, *rest = row
    sixteen = raw_id.bytes if isinstance(raw_id, UUID) else bytes.fromhex(str(raw_id))
    return PublishedRow(number, sixteen, *rest)  # type: ignore[arg-type] # as the columns are declared
