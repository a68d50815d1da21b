"""Multiple choice: two to ten options, one or more of them right."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from app.kinds.options import Choice, Option, Options


def _check_at_least_one_key(options: list[Option]) -> list[Option]:
    if not any(option.key for option in options):
        message = "At least one option is a key"
        raise ValueError(message)
    return options


class MultipleChoice(Choice):
    """A question with one right option or more."""

    kind: Literal["multiple_choice"]
    options: Annotated[Options, AfterValidator(_check_at_least_one_key)]
