"""Code: a function to write, with a reference solution and tests of it."""

from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field, StringConstraints

from app.kinds import limits
from app.kinds.content import AnswerPart, Content
from app.kinds.fields import Part, filled


class CodeTest(Part):
    """A call, and the value that it must have."""

    call: Annotated[str, filled(limits.TEST_CODE)]
    expected: Annotated[str, filled(limits.TEST_CODE)]


class Solution(Part):
    """A reference solution and the tests that it passes."""

    solution: Annotated[str, filled(limits.SOURCE_CODE)]
    tests: list[CodeTest] = Field(default=[], max_length=limits.TESTS)

    def values(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "solution": self.solution,
            "tests": [test.__dict__.copy() for test in self.tests],
        }


class PublicCode(TypedDict):
    """What a code question adds to a delivered question."""

    programming_language: str
    starter: str | None


class Code(Content):
    """A question that source code answers."""

    kind: Literal["code"]
    programming_language: Annotated[
        str,
        StringConstraints(
            max_length=limits.PROGRAMMING_LANGUAGE, pattern=r"^[a-z0-9][a-z0-9+#.-]*$"
        ),
    ]
    starter: Annotated[str, filled(limits.SOURCE_CODE)] | None = Field(
        default=None, description="what a player begins with"
    )
    answer: Solution

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return super().values() | {"answer": self.answer.values()}

    def public_part(self) -> PublicCode:
        """Return the language and what a player begins with."""
        return {"programming_language": self.programming_language, "starter": self.starter}

    def answer_part(self) -> AnswerPart:
        """Return the solution and its tests."""
        return {
            "answer": self.answer.values(),
            "explanation": self.explanation,
            "feedback": {},
        }
