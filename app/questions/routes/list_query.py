"""What a list of questions can be asked: parameters, cursors, and both at once."""

from dataclasses import dataclass
from uuid import UUID

from app.core.errors import FieldError, invalid
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    MAX_VALUES,
    Pairs,
    Parameter,
    boolean,
    one_of,
    reject_unknown,
    take,
    text,
    whole,
)
from app.core.secrets import Secrets
from app.kinds import limits
from app.published import question_filter as filters
from app.published.question_filter import KnownNames, filter_from_canonical, parse_filter
from app.questions.listing import Wanted
from app.questions.state import Held
from app.questions.workflow import STATES

ROUTE = "editing/questions"
MAX_LIMIT = 100
DEFAULT_LIMIT = 20

PARAMETERS = (
    *filters.PARAMETERS,
    Parameter("state", "where it stands", {"type": "string", "enum": list(STATES)}, many=True),
    Parameter(
        "external_id",
        "the editor's own id",
        {"type": "string", "minLength": 1, "maxLength": limits.EXTERNAL_ID},
        many=True,
    ),
    Parameter(
        "unpublished_changes",
        "whether a published question has a newer revision than the live one",
        {"type": "boolean"},
    ),
    Parameter(
        "limit",
        "rows of a page",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter("cursor", "the last page's `next_cursor`", {"type": "string"}),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One page that is asked for; `before` is the last question of the page before."""

    wanted: Wanted
    limit: int
    before: UUID | None
    epoch: str

    def following(self, secrets: Secrets, last: Held) -> str:
        """Return the cursor of the page after this one."""
        place: dict[str, object] = {
            "filter": self.wanted.filter.canonical(),
            "states": list(self.wanted.states),
            "external_ids": list(self.wanted.external_ids),
            "unpublished_changes": self.wanted.unpublished_changes,
            "before": last.id.hex,
            "epoch": self.epoch,
        }
        return seal_cursor(secrets, ROUTE, place)


def read_query(pairs: Pairs, known: KnownNames, secrets: Secrets, epoch: str) -> Asked:
    """Return what a query asks for; 422 for what there is not, 410 for a cursor of another epoch.

    What stands beside a cursor must be what the cursor was made with.
    """
    reject_unknown(pairs, [parameter.name for parameter in PARAMETERS])
    wanted = Wanted(
        banks=known.banks,
        filter=parse_filter(pairs, known),
        states=_many(pairs, "state"),
        external_ids=_many(pairs, "external_id"),
        unpublished_changes=take(pairs, "unpublished_changes", boolean, None),
    )
    for state in wanted.states:
        one_of(*STATES)("state", state)
    for external_id in wanted.external_ids:
        text(1, limits.EXTERNAL_ID)("external_id", external_id)
    limit = take(pairs, "limit", whole(1, MAX_LIMIT), DEFAULT_LIMIT)
    cursor = take(pairs, "cursor", text(1, MAX_CURSOR), None)
    if cursor is None:
        return Asked(wanted, limit, None, epoch)
    place = open_cursor(secrets, ROUTE, cursor)
    if place["epoch"] != epoch:
        raise resync_required()
    begun = Wanted(
        banks=known.banks,
        filter=filter_from_canonical(str(place["filter"])),
        states=place["states"],  # type: ignore[arg-type] # sealed above
        external_ids=place["external_ids"],  # type: ignore[arg-type]
        unpublished_changes=place["unpublished_changes"],  # type: ignore[arg-type]
    )
    _refuse_other(pairs, wanted, begun)
    return Asked(begun, limit, UUID(str(place["before"])), epoch)


def _many(pairs: Pairs, name: str) -> list[str]:
    values = [value for given, value in pairs if given == name]
    if len(values) > MAX_VALUES:
        raise invalid(FieldError("invalid_value", f"At most {MAX_VALUES} values.", parameter=name))
    return sorted(set(values))


def _refuse_other(pairs: Pairs, wanted: Wanted, begun: Wanted) -> None:
    """Raise 422 for each parameter beside a cursor that differs from what the cursor holds."""
    given = {name for name, _ in pairs}
    wrong = given & set(filters.differing_parameters(wanted.filter, begun.filter))
    own = {
        "state": (wanted.states, begun.states),
        "external_id": (wanted.external_ids, begun.external_ids),
        "unpublished_changes": (wanted.unpublished_changes, begun.unpublished_changes),
    }
    wrong |= {name for name, (asked, held) in own.items() if name in given and asked != held}
    if wrong:
        detail = "It differs from what the cursor was made with: leave it out."
        raise invalid(
            *(FieldError("invalid_value", detail, parameter=name) for name in sorted(wrong))
        )
