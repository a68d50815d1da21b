"""The routes of terms, the same for categories, companies and tags."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from sqlmodel import Session

from app.core.errors import not_found
from app.core.fields import is_slug
from app.core.http.deps import ReadSession, SecretsDep, WriteSession
from app.core.http.idempotency_deps import IdempotencyDep
from app.core.http.json_route import JsonRoute
from app.core.http.keyset_list import Listing
from app.core.http.pages import Page
from app.core.http.query_string import reject_unknown
from app.core.http.request_inputs import (
    MERGE_PATCH_TYPES,
    IfMatch,
    JsonBody,
    QueryPairs,
    body_schema,
    etag_text,
    merged,
    patch_schema,
    require_match,
    validated,
)
from app.core.openapi.operation_docs import problems, scope
from app.taxonomy import repository, service
from app.taxonomy.repository import Lock
from app.taxonomy.schemas import (
    CategoryRead,
    CategoryWrite,
    CompanyRead,
    CompanyWrite,
    TagRead,
    TagWrite,
    TermRead,
    TermWrite,
    example_of,
)
from app.taxonomy.vocabulary import Term

FIXED = ("slug", "etag")

router = APIRouter(tags=["terms"], route_class=JsonRoute)


def _shows(example: object) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One vocabulary: its name, that of one of its terms, what is written and read of one."""

    vocabulary: str
    one: str
    written: type[TermWrite]
    read: type[TermRead]

    @property
    def path(self) -> str:
        return f"/v1/editing/{self.vocabulary}"

    @property
    def example(self) -> dict[str, Any]:
        return example_of(self.vocabulary) | {"etag": "3f0a9c7be1d24586a7b8c9d0e1f20314"}

    def find(self, session: Session, slug: str, lock: Lock | None = None) -> Term:
        # What cannot be a slug need not be asked for, and might not be storable text.
        if not is_slug(slug):
            raise not_found()
        return service.find_term(session, self.vocabulary, slug, lock)

    def view(self, term: Term) -> TermRead:
        values = _values(term, self.read)
        return self.read(**values, etag=etag_text(values))

    def answer(self, term: Term, response: Response) -> TermRead:
        shown = self.view(term)
        response.headers["ETag"] = f'"{shown.etag}"'
        return shown


def _add_reading(kind: _Kind) -> None:
    listing = Listing(f"editing/{kind.vocabulary}", most=1000, default=1000)
    page = {"items": [kind.example], "total": 40, "next_cursor": "q83vRk9GT0ZPRk9G"}

    @router.get(
        kind.path,
        name=f"list_editing_{kind.vocabulary}",
        summary=f"List {kind.vocabulary}",
        response_model=Page[kind.read],  # type: ignore[name-defined] # made for each vocabulary
        responses=problems(410) | {200: _shows(page)},
        openapi_extra=scope("taxonomy:write", parameters=listing.openapi),
    )
    def list_terms(pairs: QueryPairs, session: ReadSession, secrets: SecretsDep) -> Page[Any]:
        """Return every term in the order of slugs."""
        asked = listing.asked(session, secrets, pairs)
        terms, total = repository.page(session, kind.vocabulary, asked.after, asked.limit + 1)
        found = [(term.slug, kind.view(term)) for term in terms]
        return listing.page(secrets, asked, found, total)

    @router.get(
        kind.path + "/{slug}",
        name=f"get_editing_{kind.one}",
        summary=f"Look at a {kind.one}",
        response_model=kind.read,
        responses=problems(404) | {200: _shows(kind.example)},
        openapi_extra=scope("taxonomy:write"),
    )
    def get_term(
        slug: str, pairs: QueryPairs, session: ReadSession, response: Response
    ) -> TermRead:
        """Return a term."""
        term = kind.find(session, slug)
        reject_unknown(pairs, ())
        return kind.answer(term, response)


def _add_writing(kind: _Kind) -> None:
    @router.post(
        kind.path,
        name=f"create_{kind.one}",
        summary=f"Make a {kind.one}",
        status_code=201,
        response_model=kind.read,
        responses=problems(404, 409, 413, 415) | {201: _shows(kind.example)},
        openapi_extra=scope("taxonomy:write", requestBody=body_schema(kind.written)),
    )
    def create_term(
        body: JsonBody,
        pairs: QueryPairs,
        once: IdempotencyDep,
        session: WriteSession,
        response: Response,
    ) -> TermRead:
        """Make a term; a name that is taken is refused with the slug of the term that has it."""
        reject_unknown(pairs, ())
        made = once.replay(session)
        if made is None:
            wanted = validated(kind.written, body)
            term = service.create_term(session, kind.vocabulary, wanted, once)
        else:
            term = kind.find(session, made)
        response.headers["Location"] = f"{kind.path}/{term.slug}"
        return kind.answer(term, response)

    @router.patch(
        kind.path + "/{slug}",
        name=f"update_{kind.one}",
        summary=f"Change a {kind.one}",
        response_model=kind.read,
        responses=problems(404, 409, 413, 415) | {200: _shows(kind.example)},
        openapi_extra=scope(
            "taxonomy:write",
            requestBody=patch_schema(kind.written, FIXED, {"name": kind.example["name"]}),
            **{"x-media-types": MERGE_PATCH_TYPES},
        ),
    )
    def update_term(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
        slug: str,
        body: JsonBody,
        pairs: QueryPairs,
        session: WriteSession,
        response: Response,
        if_match: IfMatch = None,
    ) -> TermRead:
        """Change some of a term's fields; questions follow, as they carry its slug only."""
        before = kind.find(session, slug, "change")
        current = kind.view(before).model_dump()
        require_match(if_match, current["etag"])
        reject_unknown(pairs, ())
        wanted = validated(kind.written, merged(current, body, FIXED))
        return kind.answer(service.update_term(session, kind.vocabulary, before, wanted), response)

    @router.delete(
        kind.path + "/{slug}",
        name=f"delete_{kind.one}",
        summary=f"Delete a {kind.one}",
        status_code=204,
        responses=problems(404, 409),
        openapi_extra=scope("taxonomy:write"),
    )
    def delete_term(
        slug: str, pairs: QueryPairs, session: WriteSession, if_match: IfMatch = None
    ) -> None:
        """Delete a term that nothing refers to."""
        term = kind.find(session, slug, "removal")
        require_match(if_match, kind.view(term).etag)
        reject_unknown(pairs, ())
        service.delete_term(session, kind.vocabulary, term)


def _values(term: Term, read: type[TermRead]) -> dict[str, Any]:
    named = {"parent": term.parent, "group": term.group}
    own = {name: value for name, value in named.items() if name in read.model_fields}
    plain = {"slug": term.slug, "name": term.name, "description": term.description}
    return plain | {"aliases": list(term.aliases)} | own


KINDS = (
    _Kind("categories", "category", CategoryWrite, CategoryRead),
    _Kind("companies", "company", CompanyWrite, CompanyRead),
    _Kind("tags", "tag", TagWrite, TagRead),
)
for _kind in KINDS:
    _add_reading(_kind)
    _add_writing(_kind)
