"""Every kind in one union, and what the other rooms do with a question's content."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from app.core import time_and_random
from app.kinds.code import Code, PublicCode
from app.kinds.content import AnswerPart
from app.kinds.multiple_choice import MultipleChoice
from app.kinds.numeric import Numeric, PublicNumeric
from app.kinds.open import Open, PublicOpen
from app.kinds.options import ID_BYTES, Choice, PublicChoice
from app.kinds.short_text import PublicText, ShortText
from app.kinds.single_choice import SingleChoice
from app.kinds.true_false import PublicStatement, TrueFalse

KINDS = (
    "single_choice",
    "multiple_choice",
    "true_false",
    "short_text",
    "numeric",
    "open",
    "code",
)

QuestionContent: TypeAlias = (
    SingleChoice | MultipleChoice | TrueFalse | ShortText | Numeric | Open | Code
)
PublicPart: TypeAlias = (
    PublicChoice | PublicStatement | PublicText | PublicNumeric | PublicOpen | PublicCode
)

MODELS: dict[str, type[QuestionContent]] = {
    "single_choice": SingleChoice,
    "multiple_choice": MultipleChoice,
    "true_false": TrueFalse,
    "short_text": ShortText,
    "numeric": Numeric,
    "open": Open,
    "code": Code,
}

_EXPECTED = ", ".join(f"'{kind}'" for kind in KINDS)


def parse_content(values: Mapping[str, Any]) -> QuestionContent:
    """Return the content that JSON values describe; options may lack ids.

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
    """Return the content as JSON values, of which `parse_content` makes the same content."""
    return content.values()


def public_part(content: QuestionContent) -> PublicPart:
    """Return what the kind adds to a delivered question; its options have ids."""
    return content.public_part()


def answer_part(content: QuestionContent) -> AnswerPart:
    """Return answer, explanation and feedback."""
    return content.answer_part()


def give_option_ids(contents: Iterable[QuestionContent]) -> None:
    """Give each option that has no id a fresh random one, in place."""
    for content in contents:
        if not isinstance(content, Choice):
            continue
        lacking = [option for option in content.options if option.id is None]
        if lacking:
            fresh = time_and_random.random_bytes(ID_BYTES * len(lacking)).hex()
            for place, option in enumerate(lacking):
                # The model's own way to set a field takes five times as long; imports feel it.
                vars(option)["id"] = fresh[place * 2 * ID_BYTES : (place + 1) * 2 * ID_BYTES]
