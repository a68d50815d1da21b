"""Lists the covers of quizzes, newest first."""

from uuid import UUID

from app.access.rights import Caller
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.errors import FieldError, invalid
from app.core.http.pages import Page, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Parameter,
    one_of,
    reject_unknown,
    split_query,
    take,
    text,
    whole,
)
from app.core.secrets import Secrets
from app.quizzes.repository import Listing, QuizRepository
from app.quizzes.schemas import QuizCover

ROUTE = "quizzes"
MAX_LIMIT = 100
DEFAULT_LIMIT = 20

PARAMETERS = (
    Parameter("slug", "only the quizzes of one line", {"type": "string", "maxLength": 64}),
    Parameter("mode", "only quizzes of this mode", {"type": "string", "enum": ["practice"]}),
    Parameter("language", "only quizzes in this language", {"type": "string", "maxLength": 35}),
    Parameter(
        "limit",
        "how many",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter("cursor", "the `next_cursor` of the page before", {"type": "string"}),
)


def list_covers(
    database: Database, catalog: Catalog, secrets: Secrets, caller: Caller, query: bytes
) -> Page[QuizCover]:
    """Return one page of the quizzes over banks that the caller may read."""
    pairs = split_query(query)
    reject_unknown(pairs, [parameter.name for parameter in PARAMETERS])
    listing = Listing(
        take(pairs, "slug", text(1, 64), None),
        take(pairs, "mode", one_of("practice"), None),
        take(pairs, "language", text(1, 35), None),
    )
    limit = take(pairs, "limit", whole(1, MAX_LIMIT), DEFAULT_LIMIT)
    cursor = take(pairs, "cursor", text(1, 4096), None)
    before = None
    if cursor is not None:
        place = open_cursor(secrets, ROUTE, cursor)
        if place["epoch"] != catalog.mark.epoch:
            raise resync_required()
        listing = _continued(listing, Listing(*place["listing"]))  # type: ignore[misc] # sealed here
        before = UUID(str(place["before"]))
    with database.read() as session:
        quizzes, total = QuizRepository(session.connection()).list_page(
            catalog.rights.readable(caller), listing, before, limit + 1
        )
    covers = [QuizCover.model_validate(quiz, from_attributes=True) for quiz in quizzes[:limit]]
    following = None
    if len(quizzes) > limit:
        place = {
            "listing": list(listing),
            "before": str(covers[-1].id),
            "epoch": catalog.mark.epoch,
        }
        following = seal_cursor(secrets, ROUTE, place)
    return Page[QuizCover](items=covers, total=total, next_cursor=following)


def _continued(asked: Listing, begun: Listing) -> Listing:
    wrong = [
        name
        for name, value in asked._asdict().items()
        if value is not None and value != getattr(begun, name)
    ]
    if wrong:
        detail = "It differs from what the cursor was made with; leave it out."
        raise invalid(*(FieldError("invalid_value", detail, parameter=name) for name in wrong))
    return begun
