"""What a row makes of a question: pure, from the row's values and the content that it matches."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app.core.field_errors import field_errors
from app.core.merge_patch import merge_patch
from app.kinds import DETAILS, QuestionContent, parse_content
from app.transfer.formats.rows import Fault, Format, Values, excerpt
from app.transfer.rows.term_lookup import TermFinder

# What an export holds beside the content: the server decides it anew.
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
BESIDE_CONTENT = SERVER_FIELDS | IDENTITY_FIELDS
MAX_EXTERNAL_ID = 200


def identity(values: Values, bank: str) -> tuple[str | None, UUID | None, list[Fault]]:
    """Return a row's external id and id, and what is wrong with them or with its bank."""
    faults = []
    named = values.get("bank")
    if named is not None and named != bank:
        hint = f"The import goes to the bank {bank}; take the row out, or the field."
        faults.append(Fault("bank", "invalid_value", excerpt(named), hint))
    external_id = values.get("external_id")
    if external_id is not None and not _is_external_id(external_id):
        hint = f"Text of 1 to {MAX_EXTERNAL_ID} characters."
        faults.append(Fault("external_id", "invalid_value", excerpt(external_id), hint))
        external_id = None
    question_id = None
    if values.get("id") is not None:
        try:
            question_id = UUID(values["id"])
        except (ValueError, TypeError, AttributeError):
            hint = "The UUID of a question of this bank; leave it out for a new one."
            faults.append(Fault("id", "invalid_value", excerpt(values["id"]), hint))
    return external_id, question_id, faults


def _is_external_id(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_EXTERNAL_ID


def content_of(
    values: Values,
    existing: Values | None,
    language: str,
    file_format: Format,
    finder: TermFinder,
) -> tuple[QuestionContent | None, list[Fault]]:
    """Return the content that a row leads to, or what is wrong with it.

    `existing` is the content that the row matches, which stays as it was; `language` the bank's.
    """
    faults = _kind_faults(values, existing)
    if faults:
        return None, faults
    patch, faults = file_format.patch(values, existing)
    faults += finder.resolve(patch)
    if faults:
        return None, faults
    for name in _item_lists((existing or patch).get("kind")):
        if name in patch:
            patch[name] = _with_known_ids(patch[name], (existing or {}).get(name) or [])
    merged: Values
    if existing is None:
        # What a merge comes to where there is nothing, without its copies.
        merged = {
            name: value
            for name, value in patch.items()
            if value is not None and name not in BESIDE_CONTENT
        }
    else:
        given = {name: value for name, value in patch.items() if name not in BESIDE_CONTENT}
        merged = merge_patch(existing, given)
    if merged.get("language") is None:
        merged["language"] = language
    if merged.get("evidence"):
        _settle_evidence(merged)
    try:
        return parse_content(merged), []
    except ValidationError as error:
        found = _faults(error.errors(include_url=False), merged, file_format)
        return None, list(found)


def _kind_faults(values: Values, existing: Values | None) -> list[Fault]:
    kind = values.get("kind")
    if existing is None or kind in {None, "", existing["kind"]}:
        return []
    hint = f"The question is {existing['kind']}, and a question never changes its kind."
    return [Fault("kind", "read_only", excerpt(kind), hint)]


def _item_lists(kind: object) -> Sequence[str]:
    details = DETAILS.get(kind) if isinstance(kind, str) else None
    return () if details is None else details.item_lists


def _with_known_ids(items: Any, before: Sequence[Values]) -> Any:  # noqa: ANN401 - any JSON value
    """Return items, such as options, with the ids that the question has for them or their texts.

    Other items lose their ids: the server gives them new ones.
    """
    if not isinstance(items, list):
        return items
    if not before:
        return [
            {name: value for name, value in item.items() if name != "id"}
            if isinstance(item, dict) and "id" in item
            else item
            for item in items
        ]
    if not all(isinstance(item, dict) for item in items):
        return items
    unused = {item["id"]: item.get("text") for item in before}
    settled = [dict(item) for item in items]
    for item in settled:
        known = item.pop("id", None)
        if isinstance(known, str) and known in unused:
            del unused[known]
            item["id"] = known
    for item in settled:
        if "id" not in item:
            same = next((key for key, text in unused.items() if text == item.get("text")), None)
            if same is not None:
                del unused[same]
                item["id"] = same
    return settled


def _settle_evidence(merged: Values) -> None:
    evidence, companies = merged.get("evidence"), merged.get("companies")
    if isinstance(evidence, dict) and isinstance(companies, list):
        merged["evidence"] = {slug: known for slug, known in evidence.items() if slug in companies}


def _faults(errors: Iterable[Any], merged: Values, file_format: Format) -> Iterable[Fault]:
    for error in field_errors(list(errors), merged):
        pointer = error.pointer or ""
        hint = error.detail
        if error.suggestions:
            hint += f" Did you mean {', '.join(error.suggestions)}?"
        yield Fault(
            file_format.field_name(pointer, merged.get("kind")),
            error.code,
            excerpt(_at(merged, pointer)),
            hint,
        )


def _at(value: Any, pointer: str) -> object:  # noqa: ANN401 - any JSON value
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value if isinstance(value, str | int | float | bool) else None
