"""The query of the editors' list: its parameters, its cursor, and whether both agree."""

from dataclasses import dataclass
from uuid import UUID

from app.core.errors import FieldError, invalid
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    MAX_VALUES,
    Pairs,
    Parameter,
    boolean,
    int_between,
    one_of,
    reject_unknown,
    single_value,
    text_of_length,
)
from app.core.secrets import Secrets
from app.kinds import limits
from app.published import question_filter as filters
from app.published.question_filter import KnownNames, filter_from_canonical, parse_filter
from app.questions.listing import QuestionSelection
from app.questions.state import QuestionState
from app.questions.workflow import STATES

ROUTE = "editing/questions"
MAX_LIMIT = 100
DEFAULT_LIMIT = 20

PARAMETERS = (
    *filters.FILTER_PARAMETERS,
    Parameter(
        "state", "state of the question", {"type": "string", "enum": list(STATES)}, many=True
    ),
    Parameter(
        "external_id",
        "external id that the editor gave",
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
        "questions per page",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter("cursor", "the last page's `next_cursor`", {"type": "string"}),
)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for one page; `before` is the last question of the previous page."""

    selection: QuestionSelection
    limit: int
    before: UUID | None
    epoch: str

    def next_cursor(self, secrets: Secrets, last: QuestionState) -> str:
        """Return the cursor of the next page."""
        values: dict[str, object] = {
            "filter": self.selection.filter.canonical(),
            "states": list(self.selection.states),
            "external_ids": list(self.selection.external_ids),
            "unpublished_changes": self.selection.unpublished_changes,
            "before": last.id.hex,
            "epoch": self.epoch,
        }
        return seal_cursor(secrets, ROUTE, values)


def read_query(pairs: Pairs, known: KnownNames, secrets: Secrets, epoch: str) -> ListRequest:
    """Return the request in a query; 422 for unknown values, 410 for a cursor of another epoch.

    Parameters beside a cursor must be equal to those that the cursor was made with.
    """
    reject_unknown(pairs, [parameter.name for parameter in PARAMETERS])
    selection = QuestionSelection(
        banks=known.banks,
        filter=parse_filter(pairs, known),
        states=_many(pairs, "state"),
        external_ids=_many(pairs, "external_id"),
        unpublished_changes=single_value(pairs, "unpublished_changes", boolean, None),
    )
    for state in selection.states:
        one_of(*STATES)("state", state)
    for external_id in selection.external_ids:
        text_of_length(1, limits.EXTERNAL_ID)("external_id", external_id)
    limit = single_value(pairs, "limit", int_between(1, MAX_LIMIT), DEFAULT_LIMIT)
    cursor = single_value(pairs, "cursor", text_of_length(1, MAX_CURSOR), None)
    if cursor is None:
        return ListRequest(selection, limit, None, epoch)
    values = open_cursor(secrets, ROUTE, cursor)
    if values["epoch"] != epoch:
        raise resync_required()
    cursor_selection = QuestionSelection(
        banks=known.banks,
        filter=filter_from_canonical(str(values["filter"])),
        states=values["states"],  # type: ignore[arg-type] # sealed above
        external_ids=values["external_ids"],  # type: ignore[arg-type]
        unpublished_changes=values["unpublished_changes"],  # type: ignore[arg-type]
    )
    _check_against_cursor(pairs, selection, cursor_selection)
    return ListRequest(cursor_selection, limit, UUID(str(values["before"])), epoch)


def _many(pairs: Pairs, name: str) -> list[str]:
    values = [value for given, value in pairs if given == name]
    if len(values) > MAX_VALUES:
        raise invalid(FieldError("invalid_value", f"At most {MAX_VALUES} values.", parameter=name))
    return sorted(set(values))


def _check_against_cursor(
    pairs: Pairs, selection: QuestionSelection, cursor_selection: QuestionSelection
) -> None:
    """Raise 422 for each parameter beside a cursor that differs from the cursor's."""
    given = {name for name, _ in pairs}
    wrong = given & set(filters.differing_parameters(selection.filter, cursor_selection.filter))
    own = {
        "state": (selection.states, cursor_selection.states),
        "external_id": (selection.external_ids, cursor_selection.external_ids),
        "unpublished_changes": (
            selection.unpublished_changes,
            cursor_selection.unpublished_changes,
        ),
    }
    wrong |= {
        name
        for name, (requested, in_cursor) in own.items()
        if name in given and requested != in_cursor
    }
    if wrong:
        detail = "It differs from the cursor's value: leave it out."
        raise invalid(
            *(FieldError("invalid_value", detail, parameter=name) for name in sorted(wrong))
        )
