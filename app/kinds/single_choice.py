"""Single choice: two to ten options, exactly one of them right."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from app.kinds.options import Choice, Option, Options


def _check_one_key(options: list[Option]) -> list[Option]:
    if [option.key for option in options].count(True) != 1:
        message = "Exactly one option is the key"
        raise ValueError(message)
    return options


class SingleChoice(Choice):
    """A question with one right option."""

    kind: Literal["single_choice"]
    options: Annotated[Options, AfterValidator(_check_one_key)]
