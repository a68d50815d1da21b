"""Pages of lists, and the sealed cursors of the next page."""

from typing import Generic, TypeVar

import orjson
from pydantic import BaseModel, Field

from app.core.errors import FieldError, Problem, invalid
from app.core.secrets import Secrets, TokenError

MAX_CURSOR = 4096

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list, the number of all matches, and the cursor of the next page."""

    items: list[T]
    total: int = Field(description="exact number of matches")
    next_cursor: str | None = Field(description="the cursor of the next page; null on the last one")


def seal_cursor(secrets: Secrets, route: str, position: dict[str, object]) -> str:
    """Return a small JSON object as a cursor that only `route` can open."""
    return secrets.seal(f"cursor:{route}", orjson.dumps(position))


def open_cursor(secrets: Secrets, route: str, cursor: str) -> dict[str, object]:
    """Return the object in a cursor; 422 if it is not a cursor of this route."""
    try:
        # A longer cursor is not valid, and fails to open once it is cut off.
        position = orjson.loads(secrets.open(f"cursor:{route}", cursor[: MAX_CURSOR + 1]))
    except TokenError as error:
        detail = "Send the `next_cursor` of this route's last page, unchanged."
        raise invalid(FieldError("invalid_value", detail, parameter="cursor")) from error
    if not isinstance(position, dict):
        message = "a cursor contains a JSON object"
        raise TypeError(message)
    return position


def resync_required() -> Problem:
    """Return the 410 problem for a mark or cursor of another epoch."""
    message = "The cursor belongs to a history that no longer exists: start again without it."
    return Problem("resync_required", message)
