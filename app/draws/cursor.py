"""The cursor of a seeded draw: a sealed position, so that the server stores nothing."""

from typing import Any, NamedTuple

from app.core.http.pages import open_cursor, resync_required, seal_cursor
from app.core.secrets import Secrets

ROUTE = "random"


class DrawPosition(NamedTuple):
    """The last position that was sent, in the order of a seed over numbers of `bits` bits.

    `is_generated` is True if the server chose the seed (`seed=new`); `packed_filter` is the draw's
    filter.
    """

    seed: str
    is_generated: bool
    bits: int
    position: int
    packed_filter: str


def seal_position(secrets: Secrets, position: DrawPosition, epoch: str) -> str:
    """Return the cursor that continues a draw after a position."""
    return seal_cursor(secrets, ROUTE, {"v": [*position, epoch]})


def open_position(secrets: Secrets, cursor: str, epoch: str) -> DrawPosition:
    """Return the position in a cursor.

    Problem invalid_request if the cursor is not one of this route, resync_required if it belongs
    to another epoch.
    """
    values: Any = open_cursor(secrets, ROUTE, cursor)["v"]
    if values.pop() != epoch:
        raise resync_required()
    return DrawPosition(*values)
