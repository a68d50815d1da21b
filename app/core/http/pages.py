"""Pages of lists, and the sealed cursors that lead from one to the next."""

from typing import Generic, TypeVar

import orjson
from pydantic import BaseModel, Field

from app.core.errors import FieldError, Problem, invalid
from app.core.secrets import Secrets, TokenError

MAX_CURSOR = 4096

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list, how many there are in all, and where it goes on."""

    items: list[T]
    total: int = Field(description="how many match, exactly")
    next_cursor: str | None = Field(description="the cursor of the next page; null at the end")


def seal_cursor(secrets: Secrets, route: str, place: dict[str, object]) -> str:
    """Return a cursor that only `route` can open, holding a small JSON object."""
    return secrets.seal(f"cursor:{route}", orjson.dumps(place))


def open_cursor(secrets: Secrets, route: str, cursor: str) -> dict[str, object]:
    """Return what the cursor holds; 422 when it is not one of this route."""
    try:
        # Longer ones are not ours; what is cut off fails to open.
        place = orjson.loads(secrets.open(f"cursor:{route}", cursor[: MAX_CURSOR + 1]))
    except TokenError as error:
        detail = "Send the `next_cursor` of this route's last page, unchanged."
        raise invalid(FieldError("invalid_value", detail, parameter="cursor")) from error
    if not isinstance(place, dict):
        message = "a cursor holds a JSON object"
        raise TypeError(message)
    return place


def resync_required() -> Problem:
    """Return the 410 for a mark or cursor of another epoch."""
    message = "The cursor belongs to a history that no longer exists: start again without it."
    return Problem("resync_required", message)
