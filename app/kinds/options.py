"""The options of the choice kinds."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from app.kinds import limits
from app.kinds.content import Content, PublicPart
from app.kinds.declarations.items import ItemId, PublicItem, id_of
from app.kinds.declarations.text_type import Data, TextType
from app.kinds.fields import Part, not_blank

# Options are named by letters in a CSV: option_a, feedback_a, and the letters of the keys.
LETTERS = "abcdefghij"


class Option(Part):
    """One option; `id` is given by the server and never changes."""

    id: ItemId | None = None
    text: Annotated[str, not_blank(limits.OPTION_TEXT), TextType.MARKDOWN] = Field(
        description="CommonMark"
    )
    key: bool = Field(description="whether choosing it is right")
    feedback: Annotated[str, not_blank(limits.FEEDBACK), TextType.MARKDOWN] | None = Field(
        default=None, description="shown to a player who chose the option, CommonMark"
    )


def _without_repeated_texts_or_ids(options: list[Option]) -> list[Option]:
    if len({option.text.strip() for option in options}) < len(options):
        texts = [option.text.strip() for option in options]
        index = next(index for index, text in enumerate(texts) if text in texts[:index])
        message = f"Option {index + 1} has the same text as an earlier option"
        raise ValueError(message)
    ids = [option.id for option in options if option.id is not None]
    if len(set(ids)) < len(ids):
        message = "Two options have the same id"
        raise ValueError(message)
    return options


Options = Annotated[
    list[Option],
    Field(min_length=limits.OPTIONS_MIN, max_length=limits.OPTIONS),
    AfterValidator(_without_repeated_texts_or_ids),
]


class PublicChoice(PublicPart):
    """The field that a choice question adds to a delivered question."""

    options: list[PublicItem]


class ChoiceAnswer(TypedDict):
    """The ids of the right options."""

    options: list[Data]


class Choice(Content):
    """The fields and methods of the choice kinds."""

    CSV_COLUMNS: ClassVar = {
        **{f"option_{letter}": f"options/{index}/text" for index, letter in enumerate(LETTERS)},
        "correct": "options",
        **{
            f"feedback_{letter}": f"options/{index}/feedback"
            for index, letter in enumerate(LETTERS)
        },
    }

    options: Options

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        values = super().values()
        values["options"] = [vars(option).copy() for option in self.options]
        return values

    def public_part(self) -> PublicChoice:
        """Return the options in the author's order, without their keys and feedback."""
        return {"options": [{"id": id_of(option), "text": option.text} for option in self.options]}

    def correct_answer(self) -> ChoiceAnswer:
        """Return the ids of the keys."""
        return {"options": [id_of(option) for option in self.options if option.key]}

    def feedback_by_id(self) -> dict[str, str]:
        """Return the feedback of each option that has some."""
        return {id_of(option): option.feedback for option in self.options if option.feedback}
