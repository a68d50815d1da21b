"""Open: an interview question, answered at length and judged by a person."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.kinds import limits
from app.kinds.content import Content
from app.kinds.decimals import Points, points_number
from app.kinds.declarations.text_type import TextType
from app.kinds.fields import Part, not_blank

PointsOfAnswer = Annotated[
    list[Annotated[str, not_blank(limits.POINT_OF_ANSWER), TextType.MARKDOWN]],
    Field(max_length=limits.POINTS_OF_ANSWER),
]


class Criterion(Part):
    """One criterion that a response is judged by, and its points."""

    criterion: Annotated[str, not_blank(limits.CRITERION), TextType.PLAIN]
    points: Points

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {"criterion": self.criterion, "points": points_number(self.points)}


class ModelAnswer(Part):
    """What a good candidate would say, and what an interviewer listens for."""

    model: Annotated[str, not_blank(limits.MODEL_ANSWER), TextType.MARKDOWN] = Field(
        description="CommonMark"
    )
    key_points: PointsOfAnswer = Field(default=[])
    mistakes: PointsOfAnswer = Field(default=[])
    follow_ups: PointsOfAnswer = Field(default=[])
    rubric: list[Criterion] = Field(default=[], max_length=limits.CRITERIA)

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return self.__dict__ | {"rubric": [criterion.values() for criterion in self.rubric]}


class Open(Content):
    """A question to discuss."""

    kind: Literal["open"]
    answer: ModelAnswer
