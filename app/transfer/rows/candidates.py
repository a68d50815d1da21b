"""Pure: the identity and the new content of a row, given the question that it matches.

A row is a merge patch (RFC 7396): fields that it leaves out keep their values.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from app.core.field_errors import field_errors
from app.core.merge_patch import merge_patch
from app.kinds import DETAILS, QuestionContent, parse_content
from app.transfer.formats.rows import Fault, Format, Values, excerpt
from app.transfer.rows.term_lookup import TermFinder

# Fields of an export that are not imported: the server sets them.
SERVER_FIELDS = frozenset(
    {
        "revision",
        "etag",
        "state",
        "published_revision",
        "unpublished_changes",
        "created_at",
        "updated_at",
        "published_at",
    }
)
IDENTITY_FIELDS = frozenset({"bank", "id", "external_id"})
NON_CONTENT_FIELDS = SERVER_FIELDS | IDENTITY_FIELDS
MAX_EXTERNAL_ID_LENGTH = 200


class RowIdentity(NamedTuple):
    """The external id and the id that a row names, and errors in these or in its bank."""

    external_id: str | None
    id: UUID | None
    errors: list[Fault]


def read_identity(values: Values, bank: str) -> RowIdentity:
    """Return the identity of a row that is imported into `bank`."""
    errors = []
    named_bank = values.get("bank")
    if named_bank is not None and named_bank != bank:
        hint = f"This import writes to the bank {bank}; remove the row, or its field `bank`."
        errors.append(Fault("bank", "invalid_value", excerpt(named_bank), hint))
    external_id = values.get("external_id")
    if external_id is not None and not _is_external_id(external_id):
        hint = f"Text of 1 to {MAX_EXTERNAL_ID_LENGTH} characters."
        errors.append(Fault("external_id", "invalid_value", excerpt(external_id), hint))
        external_id = None
    question_id = None
    if values.get("id") is not None:
        try:
            question_id = UUID(values["id"])
        except (ValueError, TypeError, AttributeError):
            hint = "The UUID of a question of this bank; leave it out for a new one."
            errors.append(Fault("id", "invalid_value", excerpt(values["id"]), hint))
    return RowIdentity(external_id, question_id, errors)


def _is_external_id(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_EXTERNAL_ID_LENGTH


def read_content(
    values: Values,
    existing: Values | None,
    language: str,
    file_format: Format,
    finder: TermFinder,
) -> tuple[QuestionContent | None, list[Fault]]:
    """Return the content that the question has after the import, or the errors of the row.

    `existing` is the content of the question that the row matches; it is not changed. `language`
    is the bank's.
    """
    errors = _kind_errors(values, existing)
    if errors:
        return None, errors
    patch, errors = file_format.patch(values, existing)
    errors += finder.resolve(patch)
    if errors:
        return None, errors
    for name in _item_lists((existing or patch).get("kind")):
        if name in patch:
            patch[name] = _with_known_ids(patch[name], (existing or {}).get(name) or [])
    merged = _merge(existing, patch)
    if merged.get("language") is None:
        merged["language"] = language
    if merged.get("evidence"):
        _drop_unused_evidence(merged)
    try:
        return parse_content(merged), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, list(_validation_errors(details, merged, file_format))


def _kind_errors(values: Values, existing: Values | None) -> list[Fault]:
    kind = values.get("kind")
    if existing is None or kind in {None, "", existing["kind"]}:
        return []
    hint = f"The question is {existing['kind']}, and a question never changes its kind."
    return [Fault("kind", "read_only", excerpt(kind), hint)]


def _merge(existing: Values | None, patch: Values) -> Values:
    if existing is None:
        # The result of a merge with an empty object, without the copies that a merge makes.
        return {
            name: value
            for name, value in patch.items()
            if value is not None and name not in NON_CONTENT_FIELDS
        }
    content = {name: value for name, value in patch.items() if name not in NON_CONTENT_FIELDS}
    return merge_patch(existing, content)


def _item_lists(kind: object) -> Sequence[str]:
    """Return the names of a kind's fields that are lists of items with ids."""
    details = DETAILS.get(kind) if isinstance(kind, str) else None
    return () if details is None else details.item_lists


def _with_known_ids(items: Any, old_items: Sequence[Values]) -> Any:  # noqa: ANN401 - any JSON value
    """Return items, such as options, with the ids that the question has for them or their texts.

    Other items lose their ids; they get new ones when they are saved.
    """
    if not isinstance(items, list):
        return items
    if not old_items:
        return [
            {name: value for name, value in item.items() if name != "id"}
            if isinstance(item, dict) and "id" in item
            else item
            for item in items
        ]
    if not all(isinstance(item, dict) for item in items):
        return items
    unused = {item["id"]: item.get("text") for item in old_items}
    new_items = [dict(item) for item in items]
    for item in new_items:
        item_id = item.pop("id", None)
        if isinstance(item_id, str) and item_id in unused:
            del unused[item_id]
            item["id"] = item_id
    for item in new_items:
        if "id" not in item:
            same_text = (key for key, text in unused.items() if text == item.get("text"))
            item_id = next(same_text, None)
            if item_id is not None:
                del unused[item_id]
                item["id"] = item_id
    return new_items


def _drop_unused_evidence(merged: Values) -> None:
    """Remove the evidence of companies that the question no longer has."""
    evidence, companies = merged.get("evidence"), merged.get("companies")
    if isinstance(evidence, dict) and isinstance(companies, list):
        merged["evidence"] = {slug: entry for slug, entry in evidence.items() if slug in companies}


def _validation_errors(
    details: Iterable[Any], merged: Values, file_format: Format
) -> Iterable[Fault]:
    for error in field_errors(list(details), merged):
        pointer = error.pointer or ""
        hint = error.detail
        if error.suggestions:
            hint += f" Did you mean {', '.join(error.suggestions)}?"
        value = excerpt(_value_at(merged, pointer))
        field = file_format.field_name(pointer, merged.get("kind"))
        yield Fault(field, error.code, value, hint)


def _value_at(value: Any, pointer: str) -> object:  # noqa: ANN401 - any JSON value
    """Return the scalar at a JSON pointer; None if there is none."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value if isinstance(value, str | int | float | bool) else None
