"""Open: an interview question, answered at length and judged by a person."""

from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

from app.kinds import limits
from app.kinds.content import AnswerPart, Content
from app.kinds.decimals import Points, points_number
from app.kinds.fields import Part, filled

PointsOfAnswer = Annotated[
    list[Annotated[str, filled(limits.POINT_OF_ANSWER)]], Field(max_length=limits.POINTS_OF_ANSWER)
]


class Criterion(Part):
    """One thing that an answer is judged by, and what it is worth."""

    criterion: Annotated[str, filled(limits.CRITERION)]
    points: Points

    def values(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"criterion": self.criterion, "points": points_number(self.points)}


class ModelAnswer(Part):
    """What a good candidate would say, and what to listen for."""

    model: Annotated[str, filled(limits.MODEL_ANSWER)] = Field(description="CommonMark")
    key_points: PointsOfAnswer = Field(default=[])
    mistakes: PointsOfAnswer = Field(default=[])
    follow_ups: PointsOfAnswer = Field(default=[])
    rubric: list[Criterion] = Field(default=[], max_length=limits.CRITERIA)

    def values(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self.__dict__ | {"rubric": [part.values() for part in self.rubric]}


class PublicOpen(TypedDict):
    """An open question adds nothing to a delivered question."""


class Open(Content):
    """A question to talk about."""

    kind: Literal["open"]
    answer: ModelAnswer

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return super().values() | {"answer": self.answer.values()}

    def public_part(self) -> PublicOpen:
        """Return nothing: the stem is all of it."""
        return {}

    def answer_part(self) -> AnswerPart:
        """Return the model answer with everything that helps to judge another."""
        return {
            "answer": self.answer.values(),
            "explanation": self.explanation,
            "feedback": {},
        }
