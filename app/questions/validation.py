"""Checks what an editor sends, up to the terms that it names."""

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
from app.questions.state import VOCABULARIES, Held, Values
from app.questions.views import SERVER_FIELDS
from app.taxonomy.vocabulary_snapshot import Glossary

IDENTITY_FIELDS = ("bank", "external_id")

_EXTERNAL_ID: TypeAdapter[str | None] = TypeAdapter(ExternalId | None)


def new_content(body: Values, language: str, pointer: str) -> QuestionContent:
    """Return the content of a question to make; `language` is its bank's."""
    decided = [name for name in SERVER_FIELDS if name in body and name not in {"bank", "kind"}]
    if decided:
        detail = "The server decides this field: leave it out."
        raise invalid(
            *(FieldError("read_only", detail, pointer=f"{pointer}/{name}") for name in decided)
        )
    given = {name: value for name, value in body.items() if name not in IDENTITY_FIELDS}
    values = merge_patch({}, given)
    values.setdefault("language", language)
    content = _parsed(values, pointer)
    _check_item_ids(content, {}, pointer)
    return content


def patched_content(
    held: Held, view: Values, body: Values, language: str, pointer: str
) -> QuestionContent:
    """Return the content to which a merge patch leads; `view` is what the editor saw."""
    changed = [name for name in SERVER_FIELDS if name in body and body[name] != view[name]]
    if changed:
        detail = "The server decides this field: send it as it is, or leave it out."
        raise invalid(
            *(FieldError("read_only", detail, pointer=f"{pointer}/{name}") for name in changed)
        )
    before = held.newest.values
    patch = {
        name: value
        for name, value in body.items()
        if name not in SERVER_FIELDS and name != "external_id"
    }
    values = merge_patch(before, patch)
    values.setdefault("language", language)
    _settle_evidence(before, patch, values)
    content = _parsed(values, pointer)
    _check_item_ids(content, before, pointer)
    return content


def external_id(body: Mapping[str, Any], pointer: str) -> str | None:
    """Return the external id of a body, None where it has none."""
    try:
        return _EXTERNAL_ID.validate_python(body.get("external_id"))
    except ValidationError as error:
        detail = f"{error.errors(include_url=False)[0]['msg']}."
        place = f"{pointer}/external_id"
        raise invalid(FieldError("invalid_value", detail, pointer=place)) from error


def bank_of(body: Mapping[str, Any], pointer: str) -> str:
    """Return the bank that a body names."""
    bank = body.get("bank")
    place = f"{pointer}/bank"
    if bank is None:
        detail = "Name the bank that takes the question."
        raise invalid(FieldError("missing_value", detail, pointer=place))
    if not isinstance(bank, str):
        raise invalid(FieldError("invalid_value", "The slug of a bank.", pointer=place))
    return bank


def _parsed(values: Values, pointer: str) -> QuestionContent:
    try:
        return parse_content(values)
    except ValidationError as error:
        # The type of any JSON value would do: errors name their places and never echo.
        found = field_errors(error.errors(include_url=False), values)
        raise invalid(*(_placed(each, values, pointer) for each in found)) from error


def _placed(error: FieldError, values: Values, pointer: str) -> FieldError:
    place = error.pointer or ""
    suggestions = error.suggestions
    if error.code == "unknown_field":
        *above, name = place.split("/")[1:]
        suggestions = near_misses(name, _fields(values, above[:1]))
    return replace(error, pointer=(pointer + place) or "", suggestions=suggestions)


def _fields(values: Values, above: list[str]) -> Collection[str]:
    """Return the names that a question, or one of its parts, may have."""
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


def _settle_evidence(before: Values, patch: Values, values: Values) -> None:
    """Let a company that was taken out lose its evidence, unless the patch speaks of it."""
    companies, evidence = values.get("companies"), values.get("evidence")
    if not isinstance(evidence, dict):
        return
    kept = companies if isinstance(companies, list) else ()
    gone = [slug for slug in before["companies"] if slug not in kept]
    spoken = patch.get("evidence") or {}
    values["evidence"] = {
        slug: known for slug, known in evidence.items() if slug not in gone or slug in spoken
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
    """Checks terms in a transaction; those that were found stay there until its end."""

    def __init__(self, session: Session) -> None:
        """Look terms up in the session's transaction."""
        self._session = session
        self._known: dict[str, set[str]] = {name: set() for name in VOCABULARIES}
        self._glossary: Glossary | None = None

    def check(self, content: QuestionContent, pointer: str) -> None:
        """Raise 422 unknown_value, with near misses, for each slug that no term has."""
        errors = [
            FieldError(
                "unknown_value",
                f"There is no such term in {vocabulary}; terms are named by slug.",
                pointer=f"{pointer}/{vocabulary}/{place}",
                suggestions=self._near(vocabulary, slug),
            )
            for vocabulary, place, slug in self._unknown(content)
        ]
        if errors:
            raise invalid(*errors)

    def missing(self, content: QuestionContent) -> list[str]:
        """Return the slugs that no term has any more."""
        return [slug for _, _, slug in self._unknown(content)]

    def forget(self) -> None:
        """Look everything up anew: a savepoint that was rolled back freed what it had locked."""
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
                (vocabulary, place, slug) for place, slug in enumerate(slugs) if slug not in known
            ]
        return unknown

    def _near(self, vocabulary: str, slug: str) -> list[str]:
        if self._glossary is None:
            self._glossary = Glossary()
            self._glossary.load(self._session)
        terms = getattr(self._glossary.current, vocabulary)
        meant = terms.resolve(slug)
        return [meant] if meant is not None else list(terms.near(slug))
