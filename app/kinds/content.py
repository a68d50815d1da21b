"""The fields and methods that questions of every kind have."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.config import JsonDict
from typing_extensions import TypedDict

from app.kinds import limits
from app.kinds.decimals import Points, points_number
from app.kinds.declarations.text_type import Markdown, TextType
from app.kinds.fields import (
    UNIQUE,
    DateText,
    Difficulty,
    Language,
    Level,
    Part,
    Slug,
    not_blank,
    without_duplicates,
)
from app.kinds.shared_parts import Evidence, Media, Source


class PublicPart(TypedDict):
    """The fields that a kind adds to a delivered question; a kind with such fields extends it."""


class AnswerPart(TypedDict):
    """The answer side of a question, for callers who may read it."""

    answer: Mapping[str, Any]
    explanation: Markdown | None
    feedback: dict[str, Markdown]


def _show_factory_defaults(schema: JsonDict, model: type[Any]) -> None:
    """Add the defaults that come from factories to a JSON schema; pydantic leaves them out."""
    properties: Any = schema["properties"]
    for name, field in model.model_fields.items():
        if field.default_factory is not None:
            properties[name]["default"] = field.get_default(call_default_factory=True)


class Content(Part):
    """The content of a question, as an editor writes it; each kind extends it."""

    # The columns of a CSV that hold the kind's own fields, each with the path of its value such as
    # "answer/accept". Together they hold all of them. None: the content does not fit into a row.
    CSV_COLUMNS: ClassVar[Mapping[str, str] | None] = None

    # Defaults of lists and mappings come from factories: pydantic would copy a plain default
    # deeply for each question.
    model_config = ConfigDict(json_schema_extra=_show_factory_defaults)

    version: Literal[1] = Field(default=1, description="the version of the content's format")
    stem: Annotated[str, not_blank(limits.STEM), TextType.MARKDOWN] = Field(
        description="the question itself, CommonMark"
    )
    hints: list[Annotated[str, not_blank(limits.HINT), TextType.MARKDOWN]] = Field(
        default_factory=list, max_length=limits.HINTS
    )
    categories: Annotated[list[Slug], AfterValidator(without_duplicates), UNIQUE] = Field(
        default_factory=list, max_length=limits.CATEGORIES
    )
    companies: Annotated[list[Slug], AfterValidator(without_duplicates), UNIQUE] = Field(
        default_factory=list, max_length=limits.COMPANIES
    )
    evidence: dict[Slug, Evidence] = Field(
        default_factory=dict, max_length=limits.COMPANIES, description="by company"
    )
    tags: Annotated[list[Slug], AfterValidator(without_duplicates), UNIQUE] = Field(
        default_factory=list, max_length=limits.TAGS
    )
    difficulty: Difficulty
    levels: Annotated[list[Level], AfterValidator(without_duplicates), UNIQUE] = Field(
        default_factory=list, max_length=4
    )
    language: Language = Field(description="BCP 47 tag")
    points: Points = Decimal(1)
    time_seconds: Annotated[int, Field(ge=1, le=limits.TIME_SECONDS)] | None = None
    media: list[Media] = Field(default_factory=list, max_length=limits.MEDIA)
    source: Source | None = None
    licence: Annotated[str, not_blank(limits.LICENCE), TextType.PLAIN] | None = None
    explanation: Annotated[str, not_blank(limits.EXPLANATION), TextType.MARKDOWN] | None = Field(
        default=None, description="why the answer is right, CommonMark"
    )
    family: Slug | None = Field(
        default=None, description="questions that reveal each other's answers have the same family"
    )
    translation_group: Slug | None = Field(
        default=None, description="the translations of a question have the same group"
    )
    review_by: DateText | None = None

    @field_validator("evidence", mode="after")
    @classmethod
    def _check_companies_of_evidence(
        cls, evidence: dict[str, Evidence], info: ValidationInfo
    ) -> dict[str, Evidence]:
        # When the companies themselves are invalid, only they are reported.
        if "companies" in info.data and not evidence.keys() <= set(info.data["companies"]):
            message = "Evidence is for the question's companies only"
            raise ValueError(message)
        return evidence

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values.

        A kind with other parts than an `answer` among its own fields adds their values.
        """
        values = self.__dict__.copy()
        if "answer" in values:
            values["answer"] = values["answer"].values()
        values["points"] = points_number(self.points)
        if self.evidence:
            values["evidence"] = {slug: each.values() for slug, each in self.evidence.items()}
        if self.media:
            values["media"] = [item.values() for item in self.media]
        if self.source is not None:
            values["source"] = self.source.values()
        return values

    def public_part(self) -> PublicPart:
        """Return the fields that the kind adds to a delivered question: none by default.

        The annotation of the result describes its shape to the other packages.
        """
        return {}

    def correct_answer(self) -> Mapping[str, Any]:
        """Return the answer for callers who may read it: by default the field `answer`.

        A kind without this field overrides the method. The annotation of the result then describes
        its shape to the other packages.
        """
        values: dict[str, Any] = vars(self)["answer"].values()
        return values

    def feedback_by_id(self) -> dict[str, str]:
        """Return the feedback of each item that has some, by the item's id: none by default."""
        return {}

    def answer_part(self) -> AnswerPart:
        """Return the answer side: the answer, the explanation and the feedback."""
        return {
            "answer": self.correct_answer(),
            "explanation": self.explanation,
            "feedback": self.feedback_by_id(),
        }
