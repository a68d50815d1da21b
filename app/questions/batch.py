"""A batch: operations in order, each done or refused for itself, public all at once at the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app.core.errors import FieldError, Problem, invalid
from app.core.field_errors import field_errors
from app.questions.schemas import MAX_OPERATIONS, BatchOperation, BatchRequest
from app.questions.service import QuestionService
from app.questions.state import Held

_STATUS = {"create": 201, "delete": 204}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one operation: `problem` where it was refused."""

    status: int
    id: UUID | None
    etag: str | None
    problem: Problem | None = None


_Placed = tuple[int, BatchOperation | Outcome]


def run_batch(service: QuestionService, body: dict[str, Any]) -> list[Outcome]:
    """Do each operation that is not refused; 422 for a body that is no list of operations.

    Nothing of it is public before the service finishes.
    """
    operations = [_read(item, place) for place, item in enumerate(_items(body))]
    readable = [each for each in operations if isinstance(each, BatchOperation)]
    service.hold({each.id for each in readable if each.id is not None})
    banks = {(each.question or {}).get("bank") for each in readable}
    service.keep_names_apart({bank for bank in banks if isinstance(bank, str)})
    return [outcome for run in _runs(operations) for outcome in _outcomes(service, run)]


def _items(body: dict[str, Any]) -> Sequence[Any]:
    items = body.get("items")
    if set(body) == {"items"} and isinstance(items, list) and 1 <= len(items) <= MAX_OPERATIONS:
        return items
    try:
        BatchRequest.model_validate(body)
    except ValidationError as error:
        raise invalid(*field_errors(error.errors(include_url=False), body)) from error
    detail = f"1 to {MAX_OPERATIONS} operations."
    raise invalid(FieldError("invalid_value", detail, pointer="/items"))


def _read(item: Any, place: int) -> BatchOperation | Outcome:  # noqa: ANN401 - any JSON value
    pointer = f"/items/{place}"
    try:
        operation = BatchOperation.model_validate(item)
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False), item)
        return _refused(
            invalid(
                *(
                    FieldError(
                        each.code,
                        each.detail,
                        pointer=pointer + (each.pointer or ""),
                        suggestions=each.suggestions,
                    )
                    for each in found
                )
            ),
            None,
        )
    wrong = _wrong_fields(operation)
    if wrong:
        errors = [
            FieldError(code, detail, pointer=f"{pointer}/{name}") for name, code, detail in wrong
        ]
        return _refused(invalid(*errors), operation.id)
    return operation


def _wrong_fields(operation: BatchOperation) -> list[tuple[str, str, str]]:
    needs = {"create": {"question"}, "update": {"id", "question"}}.get(operation.op, {"id"})
    takes = {"create": {"publish"}, "update": {"etag", "publish"}}.get(operation.op, {"etag"})
    wrong: list[tuple[str, str, str]] = []
    for name in ("id", "etag", "question", "publish"):
        given = getattr(operation, name) is not None
        if name in needs and not given:
            wrong.append((name, "missing_value", f"The operation {operation.op} needs it."))
        elif given and name not in needs | takes:
            wrong.append(
                (name, "unknown_field", f"The operation {operation.op} has no such field.")
            )
    return wrong


def _runs(operations: Sequence[BatchOperation | Outcome]) -> Iterator[list[_Placed]]:
    """Cut into runs that can be done together: new questions next to each other, or one operation.

    No two of a run give the same external id, so that each is checked against all before it.
    """
    run: list[_Placed] = []
    given: set[tuple[object, object]] = set()
    for placed in enumerate(operations):
        names = _names_of_new(placed[1])
        if run and (names is None or names & given):
            yield run
            run, given = [], set()
        if names is None:
            yield [placed]
        else:
            run.append(placed)
            given |= names
    if run:
        yield run


def _names_of_new(operation: BatchOperation | Outcome) -> set[tuple[object, object]] | None:
    """Return the bank and external id that a new question gives; None for any other operation."""
    if isinstance(operation, Outcome) or operation.op != "create":
        return None
    body = operation.question or {}
    bank, name = body.get("bank"), body.get("external_id")
    return {(bank, name)} if isinstance(bank, str) and isinstance(name, str) else set()


def _outcomes(service: QuestionService, run: Sequence[_Placed]) -> Iterator[Outcome]:
    made = _together(service, run) if len(run) > 1 else None
    if made is not None:
        yield from made
    else:
        for place, operation in run:
            yield _outcome(service, operation, place)


def _together(service: QuestionService, run: Sequence[_Placed]) -> list[Outcome] | None:
    """Make the questions that are not refused; None, and nothing, where the tables refuse one."""
    outcomes, prepared = [], []
    for place, operation in run:
        if isinstance(operation, Outcome):
            outcomes.append(operation)
            continue
        body, pointer = operation.question or {}, f"/items/{place}/question"
        try:
            made = service.prepare(body, publish=bool(operation.publish), pointer=pointer)
        except Problem as problem:
            outcomes.append(_refused(problem, None))
            continue
        prepared.append(made)
        outcomes.append(Outcome(_STATUS["create"], made.held.id, made.held.etag))
    return outcomes if service.write_together(prepared) else None


def _outcome(service: QuestionService, operation: BatchOperation | Outcome, place: int) -> Outcome:
    if isinstance(operation, Outcome):
        return operation
    pointer = f"/items/{place}"
    try:
        held = service.within_savepoint(operation.id, lambda: _apply(service, operation, pointer))
    except Problem as problem:
        return _refused(problem, operation.id)
    status = _STATUS.get(operation.op, 200)
    if held is None:
        return Outcome(status, operation.id, None)
    return Outcome(status, held.id, held.etag)


def _apply(service: QuestionService, operation: BatchOperation, pointer: str) -> Held | None:
    publish = bool(operation.publish)
    body = operation.question or {}
    if operation.op == "create" or operation.id is None:
        return service.create(body, publish=publish, pointer=f"{pointer}/question")
    if operation.op == "update":
        return service.update(
            operation.id, body, operation.etag, publish=publish, pointer=f"{pointer}/question"
        )
    if operation.op == "publish":
        return service.publish(operation.id, operation.etag, pointer=pointer)
    if operation.op == "delete":
        service.delete(operation.id, operation.etag)
        return None
    return service.move(operation.id, operation.op, operation.etag, required=True)


def _refused(problem: Problem, question_id: UUID | None) -> Outcome:
    return Outcome(problem.status, question_id, None, problem)
