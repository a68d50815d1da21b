"""Validates the bodies that editors send, including the terms that they name."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlmodel import Session

from app.core.errors import FieldError, invalid, near_misses
from app.core.field_errors import field_errors
from app.core.merge_patch import merge_patch
from app.kinds import DETAILS, MODELS, QuestionContent, parse_content
from app.questions import repository
from app.questions.schemas import ExternalId
from app.questions.state import QuestionState, Values
from app.questions.views import SERVER_FIELDS
from app.taxonomy.vocabulary import VOCABULARIES
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

IDENTITY_FIELDS = ("bank", "external_id")

_EXTERNAL_ID: TypeAdapter[str | None] = TypeAdapter(ExternalId | None)


def new_content(body: Values, language: str, pointer: str) -> QuestionContent:
    """Return the content of a new question; `language` is the default, that of its bank."""
    read_only = [name for name in SERVER_FIELDS if name in body and name not in {"bank", "kind"}]
    if read_only:
        detail = "The server sets this field: leave it out."
        raise invalid(
            *(FieldError("read_only", detail, pointer=f"{pointer}/{name}") for name in read_only)
        )
    given = {name: value for name, value in body.items() if name not in IDENTITY_FIELDS}
    values = merge_patch({}, given)
    values.setdefault("language", language)
    content = _parse(values, pointer)
    _check_item_ids(content, {}, pointer)
    return content


def patched_content(
    question: QuestionState, view: Values, body: Values, language: str, pointer: str
) -> QuestionContent:
    """Return the content after a merge patch; `view` is the editing view before it."""
    changed = [name for name in SERVER_FIELDS if name in body and body[name] != view[name]]
    if changed:
        detail = "The server sets this field: send it unchanged, or leave it out."
        raise invalid(
            *(FieldError("read_only", detail, pointer=f"{pointer}/{name}") for name in changed)
        )
    before = question.newest.values
    patch = {
        name: value
        for name, value in body.items()
        if name not in SERVER_FIELDS and name != "external_id"
    }
    values = merge_patch(before, patch)
    values.setdefault("language", language)
    _drop_evidence_of_removed_companies(before, patch, values)
    content = _parse(values, pointer)
    _check_item_ids(content, before, pointer)
    return content


def external_id(body: Mapping[str, Any], pointer: str) -> str | None:
    """Return the external id in a body, or None."""
    try:
        return _EXTERNAL_ID.validate_python(body.get("external_id"))
    except ValidationError as error:
        detail = f"{error.errors(include_url=False)[0]['msg']}."
        location = f"{pointer}/external_id"
        raise invalid(FieldError("invalid_value", detail, pointer=location)) from error


def bank_of(body: Mapping[str, Any], pointer: str) -> str:
    """Return the slug of the bank in a body."""
    bank = body.get("bank")
    location = f"{pointer}/bank"
    if bank is None:
        detail = "Name the bank of the question."
        raise invalid(FieldError("missing_value", detail, pointer=location))
    if not isinstance(bank, str):
        raise invalid(FieldError("invalid_value", "The slug of a bank.", pointer=location))
    return bank


def _parse(values: Values, pointer: str) -> QuestionContent:
    try:
        return parse_content(values)
    except ValidationError as error:
        # Errors name pointers and never echo the input.
        found = field_errors(error.errors(include_url=False), values)
        raise invalid(*(_with_suggestions(each, values, pointer) for each in found)) from error


def _with_suggestions(error: FieldError, values: Values, pointer: str) -> FieldError:
    location = error.pointer or ""
    suggestions = error.suggestions
    if error.code == "unknown_field":
        *above, name = location.split("/")[1:]
        suggestions = near_misses(name, _fields(values, above[:1]))
    return replace(error, pointer=(pointer + location) or "", suggestions=suggestions)


def _fields(values: Values, above: list[str]) -> Collection[str]:
    """Return the field names of a question, or of the part named by `above`."""
    model = MODELS.get(str(values.get("kind")))
    if model is None:
        return ()
    if not above:
        return {*model.model_fields, *IDENTITY_FIELDS}
    field = model.model_fields.get(above[0])
    part = None if field is None else _part(field.annotation)
    return () if part is None else part.model_fields


def _part(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = (_part(each) for each in get_args(annotation))
    return next((part for part in parts if part is not None), None)


def _drop_evidence_of_removed_companies(before: Values, patch: Values, values: Values) -> None:
    """Drop the evidence of removed companies, unless the patch names it."""
    companies, evidence = values.get("companies"), values.get("evidence")
    if not isinstance(evidence, dict):
        return
    kept = companies if isinstance(companies, list) else ()
    gone = [slug for slug in before["companies"] if slug not in kept]
    patched_evidence = patch.get("evidence") or {}
    values["evidence"] = {
        slug: known
        for slug, known in evidence.items()
        if slug not in gone or slug in patched_evidence
    }


def _check_item_ids(content: QuestionContent, before: Values, pointer: str) -> None:
    """Raise 422 for each id of an item, such as an option, that `before` does not contain."""
    errors = []
    for name in DETAILS[content.kind].item_lists:
        known = {item["id"] for item in before.get(name, ())}
        detail = f"The question has no such id in {name}: leave the id out for a new one."
        errors += [
            FieldError("invalid_value", detail, pointer=f"{pointer}/{name}/{index}/id")
            for index, item in enumerate(getattr(content, name))
            if item.id is not None and item.id not in known
        ]
    if errors:
        raise invalid(*errors)


class TermCheck:
    """Checks that terms exist; those that it found cannot be deleted before the commit."""

    def __init__(self, session: Session) -> None:
        """Use the session's transaction."""
        self._session = session
        self._known: dict[str, set[str]] = {name: set() for name in VOCABULARIES}
        self._glossary: VocabularySnapshot | None = None

    def check(self, content: QuestionContent, pointer: str) -> None:
        """Raise 422 `unknown_value`, with suggestions, for each slug without a term."""
        errors = [
            FieldError(
                "unknown_value",
                f"There is no such term in {vocabulary}; terms are named by slug.",
                pointer=f"{pointer}/{vocabulary}/{index}",
                suggestions=self._near(vocabulary, slug),
            )
            for vocabulary, index, slug in self._unknown(content)
        ]
        if errors:
            raise invalid(*errors)

    def missing(self, content: QuestionContent) -> list[str]:
        """Return the slugs whose terms were deleted."""
        return [slug for _, _, slug in self._unknown(content)]

    def forget(self) -> None:
        """Clear the cache: rolling back a savepoint released the locks on the terms."""
        for known in self._known.values():
            known.clear()

    def _unknown(self, content: QuestionContent) -> list[tuple[str, int, str]]:
        unknown = []
        for vocabulary in VOCABULARIES:
            slugs: list[str] = getattr(content, vocabulary)
            known = self._known[vocabulary]
            new = {slug for slug in slugs if slug not in known}
            if new:
                known |= repository.existing_terms(self._session, vocabulary, new)
            unknown += [
                (vocabulary, index, slug) for index, slug in enumerate(slugs) if slug not in known
            ]
        return unknown

    def _near(self, vocabulary: str, slug: str) -> list[str]:
        if self._glossary is None:
            self._glossary = VocabularySnapshot()
            self._glossary.load(self._session)
        terms = getattr(self._glossary.current, vocabulary)
        meant = terms.resolve(slug)
        return [meant] if meant is not None else list(terms.near(slug))
