"""Code: a function to write, with a reference solution and tests of it."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.kinds import limits
from app.kinds.content import Content, PublicPart
from app.kinds.declarations.text_type import Name, Plain, TextType
from app.kinds.fields import Part, not_blank


class CodeTest(Part):
    """A call, and the value that it must return."""

    call: Annotated[str, not_blank(limits.TEST_CODE), TextType.DATA]
    expected: Annotated[str, not_blank(limits.TEST_CODE), TextType.DATA]


class Solution(Part):
    """A reference solution and the tests that it passes."""

    solution: Annotated[str, not_blank(limits.SOURCE_CODE), TextType.PLAIN]
    tests: list[CodeTest] = Field(default=[], max_length=limits.TESTS)

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {"solution": self.solution, "tests": [test.values() for test in self.tests]}


class PublicCode(PublicPart):
    """The fields that a code question adds to a delivered question."""

    programming_language: Name
    starter: Plain | None


class Code(Content):
    """A question whose response is source code."""

    kind: Literal["code"]
    programming_language: Annotated[
        str,
        StringConstraints(
            max_length=limits.PROGRAMMING_LANGUAGE, pattern=r"^[a-z0-9][a-z0-9+#.-]*$"
        ),
        TextType.NAME,
    ]
    starter: Annotated[str, not_blank(limits.SOURCE_CODE), TextType.PLAIN] | None = Field(
        default=None, description="the code that a player starts with"
    )
    answer: Solution

    def public_part(self) -> PublicCode:
        """Return the language and the code that a player starts with."""
        return {"programming_language": self.programming_language, "starter": self.starter}
