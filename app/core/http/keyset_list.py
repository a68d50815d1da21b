"""Lists that are walked by the key of their rows: parameters, cursors, pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session

from app.core.db.edition_clock import read_mark
from app.core.http.pages import MAX_CURSOR, Page, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Pairs,
    Parameter,
    openapi_parameters,
    reject_unknown,
    take,
    text,
    whole,
)
from app.core.secrets import Secrets

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """How many rows are wanted, and the key of the last row of the page before."""

    limit: int
    after: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One route's list: its name in cursors, the most rows of a page, and how many by default."""

    route: str
    most: int
    default: int

    @property
    def openapi(self) -> list[dict[str, object]]:
        """The OpenAPI parameter objects."""
        return openapi_parameters(
            (
                Parameter(
                    "limit",
                    "rows of a page",
                    {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": self.most,
                        "default": self.default,
                    },
                ),
                Parameter(
                    "cursor",
                    "the last page's `next_cursor`",
                    {"type": "string", "maxLength": MAX_CURSOR},
                ),
            )
        )

    def asked(self, session: Session, secrets: Secrets, pairs: Pairs) -> Asked:
        """Return what the query asks for; 422 for what there is not, 410 for an old cursor."""
        reject_unknown(pairs, ("limit", "cursor"))
        limit = take(pairs, "limit", whole(1, self.most), self.default)
        cursor = take(pairs, "cursor", text(1, MAX_CURSOR), "")
        epoch = read_mark(session).epoch
        if not cursor:
            return Asked(limit, "", epoch)
        place = open_cursor(secrets, self.route, cursor)
        if place["epoch"] != epoch:
            raise resync_required()
        return Asked(limit, str(place["after"]), epoch)

    def page(
        self, secrets: Secrets, asked: Asked, found: Sequence[tuple[str, T]], total: int
    ) -> Page[T]:
        """Return the page of (key, item) pairs; one more than wanted tells that there is more."""
        shown = found[: asked.limit]
        cursor = None
        if len(found) > asked.limit:
            place: dict[str, object] = {"after": shown[-1][0], "epoch": asked.epoch}
            cursor = seal_cursor(secrets, self.route, place)
        return Page(items=[item for _, item in shown], total=total, next_cursor=cursor)
