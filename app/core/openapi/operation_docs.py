"""The scope and the problem responses of each operation in the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, Field

from app.core.errors import PROBLEMS

# The statuses that every route can have.
COMMON_STATUSES = (400, 401, 403, 412, 422, 429, 500, 503)


class FieldErrorDocument(BaseModel):
    """One error in the request."""

    pointer: str | None = Field(description="JSON pointer into the body")
    parameter: str | None = Field(description="query parameter or header")
    code: str
    detail: str
    suggestions: list[str]


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457, application/problem+json)."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable; see docs/errors.md")
    detail: str
    request_id: str
    errors: list[FieldErrorDocument]
    context: dict[str, Any] = Field(description="details, different for each code")


def scope(name: str | None, **extra: object) -> dict[str, Any]:
    """Return the `openapi_extra` with the scope that a route requires (None: no key needed)."""
    return {"x-scope": name or "none", **extra}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problem `responses` of a route: the common ones, and those of `statuses`."""
    return {status: _response(status) for status in sorted({*COMMON_STATUSES, *statuses})}


def _response(status: int) -> dict[str, Any]:
    codes = sorted(code for code, kind in PROBLEMS.items() if kind.status == status)
    return {
        "description": "Refused: " + ", ".join(f"`{code}`" for code in codes),
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    }
