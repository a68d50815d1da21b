"""Request and response bodies of quizzes."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.published.question_filter import QuestionFilterBody

MAX_QUESTIONS = 200
EXAMPLE_ID = "01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"


def _not_an_id(slug: str) -> str:
    try:
        UUID(slug)
    except ValueError:
        return slug
    message = "A slug does not have the form of an id"
    raise ValueError(message)


Slug = Annotated[
    str,
    Field(max_length=64, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$"),
    AfterValidator(_not_an_id),
]
RevealMoment = Literal["never", "submit", "answer"]


class Reveal(BaseModel):
    """When a practice attempt reveals results: after each answer, after submission, or never."""

    model_config = ConfigDict(extra="forbid")

    score: RevealMoment = "answer"
    key: RevealMoment = "answer"
    explanation: RevealMoment = "answer"


class QuizSettings(BaseModel):
    """The rules of a practice quiz."""

    model_config = ConfigDict(extra="forbid")

    time_limit_seconds: int | None = Field(None, ge=10, le=86_400)
    page_size: int | None = Field(None, ge=1, le=MAX_QUESTIONS)
    shuffle_questions: bool = False
    shuffle_options: bool = False
    pass_mark: float | None = Field(None, ge=0, le=1, description="fraction of the points")
    negative_marking: float = Field(
        0, ge=0, le=1, description="fraction of a question's points that a wrong response costs"
    )
    partial_credit: Literal["none", "partial", "penalty"] = "none"
    reveal: Reveal = Field(default_factory=Reveal)


class QuizCreate(BaseModel):
    """A new quiz: exactly one of `ids`, or `filter` with `count`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "title": "Ensembles, warm-up",
                    "slug": "ensembles-warm-up",
                    "filter": {"category": ["ensembles"], "difficulty": ["easy", "medium"]},
                    "count": 5,
                    "seed": "spring",
                },
                {"title": "Two chosen questions", "ids": [EXAMPLE_ID]},
            ]
        },
    )

    title: str = Field(min_length=1, max_length=200, description="plain text")
    description: str = Field("", max_length=4000, description="CommonMark")
    language: str | None = Field(
        None,
        min_length=2,
        max_length=35,
        description="by default the language of the banks, if they have the same",
    )
    slug: Slug | None = Field(
        None, description="a name for the newest quiz that was created with it"
    )
    mode: Literal["practice"] = "practice"
    draw: Literal["once"] = "once"
    settings: QuizSettings = Field(default_factory=QuizSettings)
    ids: list[UUID] | None = Field(
        None, min_length=1, max_length=MAX_QUESTIONS, description="the questions in order"
    )
    filter: QuestionFilterBody | None = Field(
        None,
        description="the quiz belongs to all banks that the filter allows: name them to narrow it",
    )
    count: int | None = Field(None, ge=1, le=MAX_QUESTIONS)
    seed: str | None = Field(
        None, min_length=1, max_length=64, description="the draw of /v1/questions/random?seed="
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        drawn = self.filter is not None and self.count is not None
        chosen = self.ids is not None
        parts = (self.filter, self.count, self.seed)
        if chosen == drawn or (chosen and any(part is not None for part in parts)):
            message = "Give either ids, or filter and count (and seed)"
            raise ValueError(message)
        return self


class QuizCover(BaseModel):
    """A quiz without its questions."""

    id: UUID
    slug: str | None
    title: str
    description: str
    language: str | None
    mode: str = Field(description="open enum: practice")
    draw: str = Field(description="open enum: once")
    settings: QuizSettings
    question_count: int
    created_at: datetime


class QuizRead(QuizCover):
    """A quiz with its questions in order; with answers if they were requested."""

    items: list[dict[str, Any]] = Field(description="the questions, at the revision of the quiz")
    withdrawn: list[UUID] = Field(description="ids of questions that are no longer published")
