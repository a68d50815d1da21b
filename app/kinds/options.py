"""The options of the choice kinds, and how they get their ids."""

from typing import Annotated, Any, TypedDict

from pydantic import AfterValidator, Field, StringConstraints

from app.kinds import limits
from app.kinds.content import AnswerPart, Content
from app.kinds.fields import Part, filled

ID_BYTES = 8


class Option(Part):
    """One option; `id` is the server's and stays with the option."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=limits.OPTION_ID)] | None = None
    text: Annotated[str, filled(limits.OPTION_TEXT)] = Field(description="CommonMark")
    key: bool = Field(description="whether choosing it is right")
    feedback: Annotated[str, filled(limits.FEEDBACK)] | None = Field(
        default=None, description="what a player is told who chose it, CommonMark"
    )


def _each_once(options: list[Option]) -> list[Option]:
    if len({option.text.strip() for option in options}) < len(options):
        texts = [option.text.strip() for option in options]
        place = next(place for place, text in enumerate(texts) if text in texts[:place])
        message = f"Option {place + 1} says what an earlier one says"
        raise ValueError(message)
    ids = [option.id for option in options if option.id is not None]
    if len(set(ids)) < len(ids):
        message = "Two options have the same id"
        raise ValueError(message)
    return options


Options = Annotated[
    list[Option],
    Field(min_length=limits.OPTIONS_LEAST, max_length=limits.OPTIONS),
    AfterValidator(_each_once),
]


class PublicOption(TypedDict):
    """An option as everyone sees it."""

    id: str
    text: str


class PublicChoice(TypedDict):
    """What a choice question adds to a delivered question."""

    options: list[PublicOption]


class Choice(Content):
    """What the choice kinds share."""

    options: Options

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        values = super().values()
        values["options"] = [option.__dict__.copy() for option in self.options]
        return values

    def public_part(self) -> PublicChoice:
        """Return the options without what is right, in the order in which they are kept."""
        return {"options": [{"id": _id(option), "text": option.text} for option in self.options]}

    def answer_part(self) -> AnswerPart:
        """Return the ids of the keys, and the feedback by id."""
        keys = [_id(option) for option in self.options if option.key]
        feedback = {_id(option): option.feedback for option in self.options if option.feedback}
        return {
            "answer": {"options": keys},
            "explanation": self.explanation,
            "feedback": feedback,
        }


def _id(option: Option) -> str:
    if option.id is None:
        message = "the option has no id yet"
        raise ValueError(message)
    return option.id
