"""Request and response bodies of editing, for OpenAPI; `app/kinds` validates the content."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.kinds import MODELS, limits
from app.kinds.fields import Language, Slug
from app.kinds.schema_fields import with_content_fields
from app.published.facet_models import with_facet_values

MAX_OPERATIONS = 1_000
MAX_NOTE = 500

ExternalId = Annotated[str, Field(min_length=1, max_length=limits.EXTERNAL_ID)]


def _create_model(kind: str) -> type[BaseModel]:
    model = MODELS[kind]
    language = Field(default=None, description="BCP 47 tag, by default the bank's")
    external_id = Field(default=None, description="unique in its bank")
    return create_model(
        f"{model.__name__}Create",
        __base__=model,
        __doc__=model.__doc__,
        bank=(Slug, Field(description="the bank's slug; a question never changes its bank")),
        external_id=(ExternalId | None, external_id),
        language=(Language | None, language),
    )


QuestionCreate: Any = Annotated[
    reduce(or_, (_create_model(kind) for kind in MODELS)),
    Field(discriminator="kind"),
]


def _all_fields() -> dict[str, Any]:
    """Return every field that a question of some kind has, each of them optional."""
    types: dict[str, list[Any]] = {}
    for model in MODELS.values():
        for name, field in model.model_fields.items():
            annotation = Annotated[(field.annotation, *field.metadata)] if field.metadata else None
            types.setdefault(name, []).append(annotation or field.annotation)
    return {name: (_any_of(given), None) for name, given in types.items()}


def _any_of(types: list[Any]) -> Any:  # noqa: ANN401 - a type made at run time
    return reduce(or_, dict.fromkeys(types)) | None


QuestionPatch = create_model(
    "QuestionPatch",
    __config__=ConfigDict(extra="forbid"),
    __doc__="A merge patch (RFC 7396): lists are replaced whole, null sets the default.",
    external_id=(ExternalId | None, None),
    **_all_fields(),
)


class EvidenceRead(BaseModel):
    """The sources for the claim that a company asks the question."""

    source: str | None
    first_seen: str | None
    last_seen: str | None
    times_seen: int | None


class OptionRead(BaseModel):
    """An option; `key` and `feedback` only with `answers:read`."""

    id: str
    text: str
    key: bool | None = None
    feedback: str | None = None


@with_content_fields
@with_facet_values
class QuestionRead(BaseModel):
    """The editing view of a question's newest revision.

    It also has the fields of its kind: `options`, `unit`, `programming_language`, `starter`;
    with `answers:read` also `answer` and `explanation`.
    """

    id: UUID
    revision: int = Field(description="the newest")
    bank: str
    kind: str = Field(description="open enum: " + ", ".join(MODELS))
    stem: str
    hints: list[str]
    categories: list[str]
    companies: list[str]
    evidence: dict[str, EvidenceRead]
    tags: list[str]
    difficulty: str
    levels: list[str]
    language: str
    points: float
    time_seconds: int | None
    media: list[dict[str, Any]]
    source: dict[str, Any] | None
    licence: str | None
    published_at: str | None = Field(description="of the first publication")
    updated_at: str = Field(description="when the newest revision was saved")
    family: str | None
    translation_group: str | None
    review_by: str | None
    external_id: str | None
    state: str = Field(description="open enum: draft, in_review, published, archived")
    published_revision: int | None
    unpublished_changes: bool = Field(description="whether the newest revision is not the live one")
    etag: str = Field(description="for If-Match, unquoted")
    options: list[OptionRead] | None = None
    unit: str | None = None
    programming_language: str | None = None
    starter: str | None = None
    answer: dict[str, Any] | None = None
    explanation: str | None = None


class RevisionRead(BaseModel):
    """One saved state of a question, without its content."""

    revision: int
    created_at: str
    by: UUID | None = Field(description="the key that saved it; null: the command line")
    note: str | None


class RevisionDetail(RevisionRead):
    """One saved state of a question."""

    question: dict[str, Any] = Field(
        description="its content as the editing view shows it, without its state"
    )


class Change(BaseModel):
    """One changed value; null if the value does not exist."""

    pointer: str = Field(description="JSON pointer; options are named by id")
    before: Any
    after: Any


class DiffRead(BaseModel):
    """What differs between two revisions."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    to: int
    changes: list[Change]


class PublishRequest(BaseModel):
    """The revision to publish."""

    model_config = ConfigDict(extra="forbid", strict=True)

    revision: int | None = Field(None, ge=1, le=2**31 - 1, description="the newest by default")


class BatchOperation(BaseModel):
    """One operation of a batch; all but `create` need `id` and `etag` (`*` for any)."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["create", "update", "publish", "withdraw", "archive", "restore", "delete"]
    id: UUID | None = None
    etag: str | None = Field(default=None, max_length=200)
    question: dict[str, Any] | None = Field(
        default=None, description="of create: a new question; of update: a merge patch"
    )
    publish: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="of create and update: publish it at once"
    )


class BatchRequest(BaseModel):
    """Operations in order; each succeeds or fails by itself."""

    model_config = ConfigDict(extra="forbid")

    items: list[BatchOperation] = Field(min_length=1, max_length=MAX_OPERATIONS)


class BatchResult(BaseModel):
    """The result of one operation."""

    index: int
    status: int = Field(description="as the operation's own route would have answered")
    id: UUID | None
    etag: str | None
    problem: dict[str, Any] | None = Field(default=None, description="of a refused operation")


class BatchRead(BaseModel):
    """The result of each operation, in order."""

    items: list[BatchResult]


class MergeRequest(BaseModel):
    """The term to merge into."""

    model_config = ConfigDict(extra="forbid", strict=True)

    into: Slug = Field(description="the term that stays")


class MergeRead(BaseModel):
    """The result of a merge."""

    slug: str = Field(description="the deleted term; its slug is now an alias")
    into: str
    questions: int = Field(description="how many questions had it")
