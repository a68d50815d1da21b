"""Batches: operations that run in order; each succeeds or fails by itself.

Everything that they publish becomes public together, at the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app.core.errors import FieldError, Problem, invalid
from app.core.field_errors import field_errors
from app.questions.schemas import MAX_OPERATIONS, BatchOperation, BatchRequest
from app.questions.service import QuestionService
from app.questions.state import QuestionState

_STATUS = {"create": 201, "delete": 204}


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The result of one operation; `problem` says why it was refused."""

    status: int
    id: UUID | None
    etag: str | None
    problem: Problem | None = None


_Indexed = tuple[int, BatchOperation | OperationResult]


def run_batch(service: QuestionService, body: dict[str, Any]) -> list[OperationResult]:
    """Run the operations of a body; 422 if it is not a list of operations.

    Nothing is public before `service.finish()`.
    """
    operations = [_read(item, index) for index, item in enumerate(_items(body))]
    readable = [each for each in operations if isinstance(each, BatchOperation)]
    service.load_for_update({each.id for each in readable if each.id is not None})
    banks = {(each.question or {}).get("bank") for each in readable}
    service.lock_external_ids({bank for bank in banks if isinstance(bank, str)})
    return [result for group in _groups(operations) for result in _run_group(service, group)]


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


def _read(item: Any, index: int) -> BatchOperation | OperationResult:  # noqa: ANN401 - any JSON value
    pointer = f"/items/{index}"
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
    faults = _field_faults(operation)
    if faults:
        errors = [
            FieldError(code, detail, pointer=f"{pointer}/{name}") for name, code, detail in faults
        ]
        return _refused(invalid(*errors), operation.id)
    return operation


def _field_faults(operation: BatchOperation) -> list[tuple[str, str, str]]:
    required = {"create": {"question"}, "update": {"id", "question"}}.get(operation.op, {"id"})
    optional = {"create": {"publish"}, "update": {"etag", "publish"}}.get(operation.op, {"etag"})
    faults: list[tuple[str, str, str]] = []
    for name in ("id", "etag", "question", "publish"):
        given = getattr(operation, name) is not None
        if name in required and not given:
            faults.append((name, "missing_value", f"The operation {operation.op} needs it."))
        elif given and name not in required | optional:
            faults.append(
                (name, "unknown_field", f"The operation {operation.op} has no such field.")
            )
    return faults


def _groups(operations: Sequence[BatchOperation | OperationResult]) -> Iterator[list[_Indexed]]:
    """Split operations into groups that are written together.

    A group is a series of new questions, or one operation of another type. No two questions in a
    group have the same external id, so each is checked against all operations before it.
    """
    group: list[_Indexed] = []
    seen: set[tuple[object, object]] = set()
    for indexed in enumerate(operations):
        external_ids = _external_ids_of_new(indexed[1])
        if group and (external_ids is None or external_ids & seen):
            yield group
            group, seen = [], set()
        if external_ids is None:
            yield [indexed]
        else:
            group.append(indexed)
            seen |= external_ids
    if group:
        yield group


def _external_ids_of_new(
    operation: BatchOperation | OperationResult,
) -> set[tuple[object, object]] | None:
    """Return the (bank, external id) of a new question; None for any other operation."""
    if isinstance(operation, OperationResult) or operation.op != "create":
        return None
    body = operation.question or {}
    bank, name = body.get("bank"), body.get("external_id")
    return {(bank, name)} if isinstance(bank, str) and isinstance(name, str) else set()


def _run_group(service: QuestionService, group: Sequence[_Indexed]) -> Iterator[OperationResult]:
    created = _create_together(service, group) if len(group) > 1 else None
    if created is not None:
        yield from created
    else:
        for index, operation in group:
            yield _run_one(service, operation, index)


def _create_together(
    service: QuestionService, group: Sequence[_Indexed]
) -> list[OperationResult] | None:
    """Create the valid questions of a group; None, with nothing written, if the database fails."""
    results, prepared = [], []
    for index, operation in group:
        if isinstance(operation, OperationResult):
            results.append(operation)
            continue
        body, pointer = operation.question or {}, f"/items/{index}/question"
        try:
            new = service.prepare(body, publish=bool(operation.publish), pointer=pointer)
        except Problem as problem:
            results.append(_refused(problem, None))
            continue
        prepared.append(new)
        results.append(OperationResult(_STATUS["create"], new.question.id, new.question.etag))
    return results if service.write_batch(prepared) else None


def _run_one(
    service: QuestionService, operation: BatchOperation | OperationResult, index: int
) -> OperationResult:
    if isinstance(operation, OperationResult):
        return operation
    pointer = f"/items/{index}"
    try:
        question = service.within_savepoint(
            operation.id, lambda: _apply(service, operation, pointer)
        )
    except Problem as problem:
        return _refused(problem, operation.id)
    status = _STATUS.get(operation.op, 200)
    if question is None:
        return OperationResult(status, operation.id, None)
    return OperationResult(status, question.id, question.etag)


def _apply(
    service: QuestionService, operation: BatchOperation, pointer: str
) -> QuestionState | None:
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
    return service.transition(operation.id, operation.op, operation.etag, required=True)


def _refused(problem: Problem, question_id: UUID | None) -> OperationResult:
    return OperationResult(problem.status, question_id, None, problem)
