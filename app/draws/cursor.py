"""Where a draw without repeats stands: all of it sealed in the cursor, nothing on the server."""

from typing import Any, NamedTuple

from app.core.http.pages import open_cursor, resync_required, seal_cursor
from app.core.secrets import Secrets

ROUTE = "random"


class Place(NamedTuple):
    """How far a seeded draw has come.

    `made` tells that the seed was made here (`seed=new`), `filter` is what is held of the
    filter, `position` the last position that was sent.
    """

    seed: str
    made: bool
    bits: int
    position: int
    filter: str


def seal_place(secrets: Secrets, place: Place, epoch: str) -> str:
    """Return the cursor that goes on behind `place`."""
    return seal_cursor(secrets, ROUTE, {"v": [*place, epoch]})


def open_place(secrets: Secrets, cursor: str, epoch: str) -> Place:
    """Return the place in a cursor; 422 if it is none of ours, 410 if its epoch is over."""
    values: Any = open_cursor(secrets, ROUTE, cursor)["v"]
    if values.pop() != epoch:
        raise resync_required()
    return Place(*values)
