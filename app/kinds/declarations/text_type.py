"""The types of text in a question: every string field names one in its annotation."""

from enum import Enum
from typing import Annotated, TypeAlias


class TextType(Enum):
    """How the other packages treat the text of a field.

    A field of the type `str` without one of these is an error when the kinds are loaded.
    """

    MARKDOWN = "CommonMark: converted by the parameter `format`, searched"
    PLAIN = "plain text or source code: delivered as it was written, searched"
    NAME = "a name: delivered as it was written, searched beside the names of terms"
    DECIMAL = "a decimal number: never converted to a float, not searched"
    DATA = "ids, slugs, dates, addresses and other text for programs: not searched"


# For the shapes of delivered parts; fields of content types add limits to their annotations.
Markdown: TypeAlias = Annotated[str, TextType.MARKDOWN]
Plain: TypeAlias = Annotated[str, TextType.PLAIN]
Name: TypeAlias = Annotated[str, TextType.NAME]
Data: TypeAlias = Annotated[str, TextType.DATA]
