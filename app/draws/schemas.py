"""The response to a random draw, for OpenAPI."""

from typing import Any

from pydantic import BaseModel, Field


class RandomQuestions(BaseModel):
    """Questions in the order in which they were drawn."""

    items: list[dict[str, Any]]
    total: int = Field(description="how many match the filter")
    seed: str | None = Field(description="repeats this draw; null for an unseeded draw")
    short: bool = Field(description="whether there are fewer questions than `count`")
    next_cursor: str | None = Field(
        description="continues without repeats; null at the end and without a seed"
    )
