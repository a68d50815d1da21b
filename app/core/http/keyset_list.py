"""Lists that are paged by the key of their rows: parameters, cursors, pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session

from app.core.db.edition_clock import read_mark
from app.core.http.pages import MAX_CURSOR, Page, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Pairs,
    Parameter,
    int_between,
    openapi_parameters,
    reject_unknown,
    single_value,
    text_of_length,
)
from app.core.secrets import Secrets

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for one page: its size, and the key of the last row of the page before."""

    limit: int
    # Empty for the first page.
    after: str
    # The clock's epoch. Cursors of another epoch are refused.
    epoch: str


@dataclass(frozen=True, slots=True)
class KeysetList:
    """The list of one route: its name in cursors, and its page sizes."""

    route: str
    max_limit: int
    default_limit: int

    @property
    def openapi(self) -> list[dict[str, object]]:
        """The OpenAPI parameter objects."""
        limit: dict[str, object] = {
            "type": "integer",
            "minimum": 1,
            "maximum": self.max_limit,
            "default": self.default_limit,
        }
        cursor: dict[str, object] = {"type": "string", "maxLength": MAX_CURSOR}
        return openapi_parameters(
            (
                Parameter("limit", "rows of a page", limit),
                Parameter("cursor", "the last page's `next_cursor`", cursor),
            )
        )

    def read_request(self, session: Session, secrets: Secrets, pairs: Pairs) -> PageRequest:
        """Return what a query string asks for; 422 if it is not valid, 410 for an old cursor."""
        reject_unknown(pairs, ("limit", "cursor"))
        limit = single_value(pairs, "limit", int_between(1, self.max_limit), self.default_limit)
        cursor = single_value(pairs, "cursor", text_of_length(1, MAX_CURSOR), "")
        epoch = read_mark(session).epoch
        if not cursor:
            return PageRequest(limit, "", epoch)
        position = open_cursor(secrets, self.route, cursor)
        if position["epoch"] != epoch:
            raise resync_required()
        return PageRequest(limit, str(position["after"]), epoch)

    def page(
        self, secrets: Secrets, request: PageRequest, rows: Sequence[tuple[str, T]], total: int
    ) -> Page[T]:
        """Return the page of (key, item) pairs.

        Give one pair more than `request.limit`, if there are as many: it is left out, and says that
        there is another page.
        """
        shown = rows[: request.limit]
        cursor = None
        if len(rows) > request.limit:
            position: dict[str, object] = {"after": shown[-1][0], "epoch": request.epoch}
            cursor = seal_cursor(secrets, self.route, position)
        return Page(items=[item for _, item in shown], total=total, next_cursor=cursor)
