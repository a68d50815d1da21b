"""What the routes of imports answer."""

from uuid import UUID

from pydantic import BaseModel, Field


class UnknownTerm(BaseModel):
    """A term that a file names and the vocabulary does not have."""

    vocabulary: str = Field(description="categories, companies or tags")
    value: str


class BadRow(BaseModel):
    """One thing wrong in one row, and how to mend it."""

    line: int = Field(description="the line of the file where the row begins, from 1")
    field: str = Field(description="the column or field; empty for the row as a whole")
    code: str
    value: str | None = Field(description="what stands there, at most 200 characters")
    hint: str


class ImportRead(BaseModel):
    """An import: how far it is and, at the end, its report."""

    id: UUID
    state: str = Field(description="queued, checking, applying, done or refused (nothing written)")
    dry_run: bool
    done: int = Field(description="rows checked, then rows applied")
    of: int | None = Field(description="rows in the file; null until it was read to its end")
    created: int
    changed: int
    unchanged: int
    unknown_terms: list[UnknownTerm]
    error_count: int
    rows: list[BadRow] = Field(description="the first 1,000 errors")
    edition: str | None = Field(description="an edition that holds all of it; null until it ended")
