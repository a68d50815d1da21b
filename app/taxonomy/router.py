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
from app.core.http.keyset_list import KeysetList
from app.core.http.pages import Page
from app.core.http.query_string import reject_unknown
from app.core.http.request_inputs import (
    MERGE_PATCH_TYPES,
    IfMatch,
    JsonBody,
    QueryPairs,
    apply_merge_patch,
    body_schema,
    etag_text,
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

READ_ONLY_FIELDS = ("slug", "etag")

router = APIRouter(tags=["terms"], route_class=JsonRoute)


def _example_response(example: object) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


@dataclass(frozen=True, slots=True)
class _VocabularyRoutes:
    """One vocabulary: its name in plural and singular, and the schemas of its terms."""

    vocabulary: str
    singular: str
    write_schema: type[TermWrite]
    read_schema: type[TermRead]

    @property
    def path(self) -> str:
        return f"/v1/editing/{self.vocabulary}"

    @property
    def example(self) -> dict[str, Any]:
        return example_of(self.vocabulary) | {"etag": "3f0a9c7be1d24586a7b8c9d0e1f20314"}

    def find(self, session: Session, slug: str, lock: Lock | None = None) -> Term:
        # Text that is not a slug may not even be valid for the database, so it is not looked up.
        if not is_slug(slug):
            raise not_found()
        return service.find_term(session, self.vocabulary, slug, lock)

    def view(self, term: Term) -> TermRead:
        values = _values(term, self.read_schema)
        return self.read_schema(**values, etag=etag_text(values))

    def respond(self, term: Term, response: Response) -> TermRead:
        shown = self.view(term)
        response.headers["ETag"] = f'"{shown.etag}"'
        return shown


def _add_read_routes(routes: _VocabularyRoutes) -> None:
    listing = KeysetList(f"editing/{routes.vocabulary}", max_limit=1000, default_limit=1000)
    page = {"items": [routes.example], "total": 40, "next_cursor": "q83vRk9GT0ZPRk9G"}

    @router.get(
        routes.path,
        name=f"list_editing_{routes.vocabulary}",
        summary=f"List {routes.vocabulary}",
        response_model=Page[routes.read_schema],  # type: ignore[name-defined] # differs by vocabulary
        responses=problems(410) | {200: _example_response(page)},
        openapi_extra=scope("taxonomy:write", parameters=listing.openapi),
    )
    def list_terms(pairs: QueryPairs, session: ReadSession, secrets: SecretsDep) -> Page[Any]:
        """Return all terms in the order of their slugs."""
        page_request = listing.read_request(session, secrets, pairs)
        terms, total = repository.page(
            session, routes.vocabulary, page_request.after, page_request.limit + 1
        )
        found = [(term.slug, routes.view(term)) for term in terms]
        return listing.page(secrets, page_request, found, total)

    @router.get(
        routes.path + "/{slug}",
        name=f"get_editing_{routes.singular}",
        summary=f"Get a {routes.singular}",
        response_model=routes.read_schema,
        responses=problems(404) | {200: _example_response(routes.example)},
        openapi_extra=scope("taxonomy:write"),
    )
    def get_term(
        slug: str, pairs: QueryPairs, session: ReadSession, response: Response
    ) -> TermRead:
        """Return a term."""
        term = routes.find(session, slug)
        reject_unknown(pairs, ())
        return routes.respond(term, response)


def _add_create_route(routes: _VocabularyRoutes) -> None:
    @router.post(
        routes.path,
        name=f"create_{routes.singular}",
        summary=f"Create a {routes.singular}",
        status_code=201,
        response_model=routes.read_schema,
        responses=problems(404, 409, 413, 415) | {201: _example_response(routes.example)},
        openapi_extra=scope("taxonomy:write", requestBody=body_schema(routes.write_schema)),
    )
    def create_term(
        body: JsonBody,
        pairs: QueryPairs,
        idempotency: IdempotencyDep,
        session: WriteSession,
        response: Response,
    ) -> TermRead:
        """Create a term. 409 `name_taken` names the term that already has the name."""
        reject_unknown(pairs, ())
        recorded = idempotency.replay(session)
        if recorded is None:
            values = validated(routes.write_schema, body)
            term = service.create_term(session, routes.vocabulary, values, idempotency)
        else:
            term = routes.find(session, recorded)
        response.headers["Location"] = f"{routes.path}/{term.slug}"
        return routes.respond(term, response)


def _add_change_routes(routes: _VocabularyRoutes) -> None:
    @router.patch(
        routes.path + "/{slug}",
        name=f"update_{routes.singular}",
        summary=f"Change a {routes.singular}",
        response_model=routes.read_schema,
        responses=problems(404, 409, 413, 415) | {200: _example_response(routes.example)},
        openapi_extra=scope(
            "taxonomy:write",
            requestBody=patch_schema(
                routes.write_schema, READ_ONLY_FIELDS, {"name": routes.example["name"]}
            ),
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
        """Change fields of a term. Questions refer to its slug, so they need no change."""
        before = routes.find(session, slug, "change")
        current = routes.view(before).model_dump()
        require_match(if_match, current["etag"])
        reject_unknown(pairs, ())
        values = validated(routes.write_schema, apply_merge_patch(current, body, READ_ONLY_FIELDS))
        return routes.respond(
            service.update_term(session, routes.vocabulary, before, values), response
        )

    @router.delete(
        routes.path + "/{slug}",
        name=f"delete_{routes.singular}",
        summary=f"Delete a {routes.singular}",
        status_code=204,
        responses=problems(404, 409),
        openapi_extra=scope("taxonomy:write"),
    )
    def delete_term(
        slug: str, pairs: QueryPairs, session: WriteSession, if_match: IfMatch = None
    ) -> None:
        """Delete a term that is not in use."""
        term = routes.find(session, slug, "removal")
        require_match(if_match, routes.view(term).etag)
        reject_unknown(pairs, ())
        service.delete_term(session, routes.vocabulary, term)


def _values(term: Term, read_schema: type[TermRead]) -> dict[str, Any]:
    optional = {"parent": term.parent, "group": term.group}
    own = {name: value for name, value in optional.items() if name in read_schema.model_fields}
    common = {"slug": term.slug, "name": term.name, "description": term.description}
    return common | {"aliases": list(term.aliases)} | own


VOCABULARY_ROUTES = (
    _VocabularyRoutes("categories", "category", CategoryWrite, CategoryRead),
    _VocabularyRoutes("companies", "company", CompanyWrite, CompanyRead),
    _VocabularyRoutes("tags", "tag", TagWrite, TagRead),
)
for _routes in VOCABULARY_ROUTES:
    _add_read_routes(_routes)
    _add_create_route(_routes)
    _add_change_routes(_routes)
