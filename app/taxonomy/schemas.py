"""Request and response schemas of terms."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Description, Name, Slug

MAX_ALIASES = 50

_EXAMPLES: dict[str, dict[str, Any]] = {
    "categories": {
        "slug": "boosting",
        "name": "Boosting",
        "description": "Ensembles whose members are trained one after another.",
        "aliases": ["gradient boosting"],
        "parent": "ensembles",
    },
    "companies": {
        "slug": "facebook",
        "name": "Facebook",
        "description": "",
        "aliases": ["Meta"],
    },
    "tags": {
        "slug": "lab-viva",
        "name": "Lab viva",
        "description": "Oral questions beside an experiment.",
        "aliases": [],
        "group": "format",
    },
}


def example_of(vocabulary: str) -> dict[str, Any]:
    """Return an example of a term of the vocabulary."""
    return _EXAMPLES[vocabulary]


class TermWrite(BaseModel):
    """A term. Slugs, names and aliases are unique in a vocabulary, ignoring case."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug | None = Field(None, description="default: made from the name; it never changes")
    name: Name
    description: Description = ""
    aliases: list[Name] = Field([], max_length=MAX_ALIASES, description="other names of it")


class CategoryWrite(TermWrite):
    """A subject. Its questions also match a filter by any category above it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLES["categories"]]})

    parent: Slug | None = Field(None, description="the category above it")


class CompanyWrite(TermWrite):
    """A company that asks questions."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLES["companies"]]})


class TagWrite(TermWrite):
    """A flat term."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLES["tags"]]})

    group: Slug | None = Field(None, description="what kind of tag it is, such as format or role")


class TermRead(BaseModel):
    """A term as editors see it."""

    slug: str
    name: str
    description: str
    aliases: list[str]
    etag: str = Field(description="for If-Match")


class CategoryRead(TermRead):
    """A category with its parent."""

    parent: str | None


class CompanyRead(TermRead):
    """A company."""


class TagRead(TermRead):
    """A tag with its group."""

    group: str | None
