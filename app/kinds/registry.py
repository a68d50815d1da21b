"""The list of all kinds, and functions for content of any kind."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, get_args

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from app.kinds.code import Code
from app.kinds.content import AnswerPart, PublicPart
from app.kinds.declarations.details import KindDetails, details_of, kind_name
from app.kinds.declarations.items import give_ids
from app.kinds.declarations.markdown_paths import markdown_paths
from app.kinds.multiple_choice import MultipleChoice
from app.kinds.numeric import Numeric
from app.kinds.open import Open
from app.kinds.short_text import ShortText
from app.kinds.single_choice import SingleChoice
from app.kinds.true_false import TrueFalse

# The only list of kinds. A new kind adds its content type here.
QuestionContent: TypeAlias = (
    SingleChoice | MultipleChoice | TrueFalse | ShortText | Numeric | Open | Code
)

DETAILS: dict[str, KindDetails] = {
    kind_name(content_type): details_of(content_type) for content_type in get_args(QuestionContent)
}
MODELS: dict[str, type[QuestionContent]] = {
    kind_name(content_type): content_type for content_type in get_args(QuestionContent)
}
KINDS = tuple(MODELS)
MARKDOWN_PATHS = markdown_paths(DETAILS.values())

_EXPECTED = ", ".join(f"'{kind}'" for kind in KINDS)


def parse_content(values: Mapping[str, Any]) -> QuestionContent:
    """Return the content that JSON values describe; items may lack ids.

    Raises pydantic's ValidationError.
    """
    kind = values.get("kind")
    model = MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise _unknown_kind(kind)
    return model.model_validate(values)


def _unknown_kind(kind: object) -> ValidationError:
    error: InitErrorDetails = {"type": "missing", "loc": ("kind",), "input": None}
    if kind is not None:
        unknown = PydanticCustomError("literal_error", "An unknown kind", {"expected": _EXPECTED})
        error = {"type": unknown, "loc": ("kind",), "input": kind}
    return ValidationError.from_exception_data("QuestionContent", [error])


def content_values(content: QuestionContent) -> dict[str, Any]:
    """Return the content as JSON values; `parse_content` turns them into equal content."""
    return content.values()


def public_part(content: QuestionContent) -> PublicPart:
    """Return the fields that the kind adds to a delivered question; its items have ids."""
    return content.public_part()


def answer_part(content: QuestionContent) -> AnswerPart:
    """Return answer, explanation and feedback."""
    return content.answer_part()


def give_item_ids(contents: Iterable[QuestionContent]) -> None:
    """Give each item that has no id a random one, in place."""
    for content in contents:
        for name in DETAILS[content.kind].item_lists:
            give_ids(getattr(content, name))
