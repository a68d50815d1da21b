"""What every kind of question has, whatever it asks."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypedDict

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from app.kinds import limits
from app.kinds.decimals import Points, points_number
from app.kinds.fields import (
    UNIQUE,
    DateText,
    Difficulty,
    Language,
    Level,
    Part,
    Slug,
    Url,
    filled,
    once_each,
)


class Source(Part):
    """Where a question comes from."""

    title: Annotated[str, filled(limits.SOURCE_TITLE)] | None = Field(
        default=None, description="plain text"
    )
    url: Url | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.title is None and self.url is None:
            message = "A source has a title, a url, or both"
            raise ValueError(message)
        return self


class Evidence(Part):
    """What is known of a company asking a question; each null when it is not known."""

    source: Annotated[str, filled(limits.SOURCE_TITLE)] | None = None
    first_seen: DateText | None = None
    last_seen: DateText | None = None
    times_seen: Annotated[int, Field(ge=0, le=limits.TIMES_SEEN)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_seen and self.last_seen and self.first_seen > self.last_seen:
            message = "It was first seen before it was last seen"
            raise ValueError(message)
        return self


class Media(Part):
    """A file that a question shows."""

    url: Annotated[Url, Field(max_length=limits.MEDIA_URL)]
    alt: str | None = Field(
        default=None, max_length=limits.MEDIA_ALT, description="what it shows, in plain text"
    )


class AnswerPart(TypedDict):
    """The answer side of a question, for those who may read it."""

    answer: dict[str, Any]
    explanation: str | None
    feedback: dict[str, str]


def _say_defaults(schema: JsonDict, model: type[Any]) -> None:
    """Show the defaults that are made anew each time, which pydantic leaves out."""
    properties: Any = schema["properties"]
    for name, field in model.model_fields.items():
        if field.default_factory is not None:
            properties[name]["default"] = field.get_default(call_default_factory=True)


class Content(Part):
    """The fields that an editor writes for a question of any kind."""

    # Lists and mappings come from factories: a plain default would be copied deeply each time,
    # which took a quarter of the time that it takes to read a question (measured).
    model_config = ConfigDict(json_schema_extra=_say_defaults)

    version: Literal[1] = Field(default=1, description="the form of the content")
    stem: Annotated[str, filled(limits.STEM)] = Field(description="the question itself, CommonMark")
    hints: list[Annotated[str, filled(limits.HINT)]] = Field(
        default_factory=list, max_length=limits.HINTS
    )
    categories: Annotated[list[Slug], AfterValidator(once_each), UNIQUE] = Field(
        default_factory=list, max_length=limits.CATEGORIES
    )
    companies: Annotated[list[Slug], AfterValidator(once_each), UNIQUE] = Field(
        default_factory=list, max_length=limits.COMPANIES
    )
    evidence: dict[Slug, Evidence] = Field(
        default_factory=dict, max_length=limits.COMPANIES, description="by company"
    )
    tags: Annotated[list[Slug], AfterValidator(once_each), UNIQUE] = Field(
        default_factory=list, max_length=limits.TAGS
    )
    difficulty: Difficulty
    levels: Annotated[list[Level], AfterValidator(once_each), UNIQUE] = Field(
        default_factory=list, max_length=4
    )
    language: Language = Field(description="BCP 47 tag")
    points: Points = Decimal(1)
    time_seconds: Annotated[int, Field(ge=1, le=limits.TIME_SECONDS)] | None = None
    media: list[Media] = Field(default_factory=list, max_length=limits.MEDIA)
    source: Source | None = None
    licence: Annotated[str, filled(limits.LICENCE)] | None = None
    explanation: Annotated[str, filled(limits.EXPLANATION)] | None = Field(
        default=None, description="why the answer is right, CommonMark"
    )
    family: Slug | None = Field(
        default=None, description="questions that give each other away share one"
    )
    translation_group: Slug | None = Field(
        default=None, description="the same question in other languages shares one"
    )
    review_by: DateText | None = None

    @field_validator("evidence", mode="after")
    @classmethod
    def _only_for_its_companies(
        cls, evidence: dict[str, Evidence], info: ValidationInfo
    ) -> dict[str, Evidence]:
        # Where the companies are wrong themselves, they are what is reported.
        if "companies" in info.data and not evidence.keys() <= set(info.data["companies"]):
            message = "Evidence is for the question's companies only"
            raise ValueError(message)
        return evidence

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values; kinds add their own parts."""
        values = self.__dict__.copy()
        values["points"] = points_number(self.points)
        if self.evidence:
            values["evidence"] = {
                slug: known.__dict__.copy() for slug, known in self.evidence.items()
            }
        if self.media:
            values["media"] = [item.__dict__.copy() for item in self.media]
        if self.source is not None:
            values["source"] = self.source.__dict__.copy()
        return values
