"""The response to a random draw, for OpenAPI."""

from typing import Any

from pydantic import BaseModel, Field


class RandomQuestions(BaseModel):
    """Questions in the order in which they were drawn."""

    items: list[dict[str, Any]]
    total: int = Field(description="how many match the filter")
    seed: str | None = Field(description="repeats this draw; null for one by chance")
    short: bool = Field(description="whether fewer were left than asked for")
    next_cursor: str | None = Field(description="goes on without repeats; null without a seed")
