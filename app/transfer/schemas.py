"""Response bodies of the import routes."""

from uuid import UUID

from pydantic import BaseModel, Field


class UnknownTerm(BaseModel):
    """A term that the file names and that does not exist."""

    vocabulary: str = Field(description="categories, companies or tags")
    value: str


class BadRow(BaseModel):
    """An error in a row, with a hint how to fix it."""

    line: int = Field(description="the line of the file where the row begins, from 1")
    field: str = Field(description="the column or field; empty for the row as a whole")
    code: str
    value: str | None = Field(description="the value in the file, at most 200 characters")
    hint: str


class ImportRead(BaseModel):
    """An import: its progress and, at the end, its report."""

    id: UUID
    state: str = Field(description="queued, checking, applying, done or refused (nothing written)")
    dry_run: bool
    done: int = Field(description="rows checked, then rows applied")
    of: int | None = Field(description="rows in the file; null until the whole file is checked")
    created: int
    changed: int
    unchanged: int
    unknown_terms: list[UnknownTerm]
    error_count: int
    rows: list[BadRow] = Field(description="the first 1,000 errors")
    edition: str | None = Field(
        description="an edition with all imported questions; null until the import has ended"
    )


IMPORT_EXAMPLE = {
    "id": "019ab3a0-5c1e-7c3e-9d42-0f6f0a9b7a11",
    "state": "refused",
    "dry_run": False,
    "done": 214,
    "of": 214,
    "created": 0,
    "changed": 0,
    "unchanged": 0,
    "unknown_terms": [],
    "error_count": 1,
    "rows": [
        {
            "line": 214,
            "field": "correct",
            "code": "unknown_value",
            "value": "E",
            "hint": "The options are A to D; name the letter of each key, joined by |.",
        }
    ],
    "edition": None,
}
