"""The editing routes of synonym groups; they need the scope of terms."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

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
from app.search.models import SynonymGroup
from app.search.schemas import SYNONYMS_EXAMPLE, SynonymsRead, SynonymsWrite
from app.search.synonyms import repository, service

SCOPE = "taxonomy:write"
PATH = "/v1/editing/synonyms"
GROUP_PATH = PATH + "/{synonyms_id:uuid}"
READ_ONLY_FIELDS = ("id", "etag")
LISTING = KeysetList("editing/synonyms", max_limit=1000, default_limit=1000)
EXAMPLE_GROUP: dict[str, Any] = {
    "id": "01a3b2c4-d5e6-7f80-91a2-b3c4d5e6f708",
    **SYNONYMS_EXAMPLE,
    "etag": "3f0a9c7be1d24586a7b8c9d0e1f20314",
}

router = APIRouter(tags=["terms"], route_class=JsonRoute)


def _json_example(example: object) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


def _to_read(group: SynonymGroup) -> SynonymsRead:
    values = {"id": str(group.id), "words": group.words}
    return SynonymsRead(id=group.id, words=group.words, etag=etag_text(values))


def _read_with_etag(group: SynonymGroup, response: Response) -> SynonymsRead:
    read = _to_read(group)
    response.headers["ETag"] = f'"{read.etag}"'
    return read


@router.get(
    PATH,
    summary="List synonym groups",
    responses=problems(410)
    | {200: _json_example({"items": [EXAMPLE_GROUP], "total": 1, "next_cursor": None})},
    openapi_extra=scope(SCOPE, parameters=LISTING.openapi),
)
def list_synonyms(
    pairs: QueryPairs, session: ReadSession, secrets: SecretsDep
) -> Page[SynonymsRead]:
    """Return every synonym group, oldest first."""
    page_request = LISTING.read_request(session, secrets, pairs)
    after = UUID(page_request.after) if page_request.after else None
    groups, total = repository.list_page(session, after, page_request.limit + 1)
    return LISTING.page(
        secrets, page_request, [(str(group.id), _to_read(group)) for group in groups], total
    )


@router.post(
    PATH,
    summary="Create a synonym group",
    status_code=201,
    responses=problems(404, 409, 413, 415) | {201: _json_example(EXAMPLE_GROUP)},
    openapi_extra=scope(SCOPE, requestBody=body_schema(SynonymsWrite)),
)
def create_synonyms(
    body: JsonBody,
    pairs: QueryPairs,
    idempotency: IdempotencyDep,
    session: WriteSession,
    response: Response,
) -> SynonymsRead:
    """Create a group of words and phrases that searches in all banks treat as equal."""
    reject_unknown(pairs, ())
    replayed_id = idempotency.replay(session)
    if replayed_id is None:
        group = service.create_group(session, validated(SynonymsWrite, body), idempotency)
    else:
        group = service.find_group(session, UUID(replayed_id))
    response.headers["Location"] = f"{PATH}/{group.id}"
    return _read_with_etag(group, response)


@router.get(
    GROUP_PATH,
    summary="Get a synonym group",
    responses=problems(404) | {200: _json_example(EXAMPLE_GROUP)},
    openapi_extra=scope(SCOPE),
)
def get_synonyms(
    synonyms_id: UUID, pairs: QueryPairs, session: ReadSession, response: Response
) -> SynonymsRead:
    """Return a synonym group."""
    group = service.find_group(session, synonyms_id)
    reject_unknown(pairs, ())
    return _read_with_etag(group, response)


@router.patch(
    GROUP_PATH,
    summary="Change a synonym group",
    responses=problems(404, 413, 415) | {200: _json_example(EXAMPLE_GROUP)},
    openapi_extra=scope(
        SCOPE,
        requestBody=patch_schema(SynonymsWrite, READ_ONLY_FIELDS, SYNONYMS_EXAMPLE),
        **{"x-media-types": MERGE_PATCH_TYPES},
    ),
)
def update_synonyms(  # noqa: PLR0913, PLR0917 - FastAPI injects each one
    synonyms_id: UUID,
    body: JsonBody,
    pairs: QueryPairs,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = None,
) -> SynonymsRead:
    """Replace the words of a group; the list is replaced as a whole."""
    group = service.find_group(session, synonyms_id, lock=True)
    current = _to_read(group).model_dump(mode="json")
    require_match(if_match, current["etag"])
    reject_unknown(pairs, ())
    wanted = validated(SynonymsWrite, apply_merge_patch(current, body, READ_ONLY_FIELDS))
    service.update_group(session, group, wanted)
    return _read_with_etag(group, response)


@router.delete(
    GROUP_PATH,
    summary="Delete a synonym group",
    status_code=204,
    responses=problems(404),
    openapi_extra=scope(SCOPE),
)
def delete_synonyms(
    synonyms_id: UUID, pairs: QueryPairs, session: WriteSession, if_match: IfMatch = None
) -> None:
    """Delete a group; searches stop treating its words as equal."""
    group = service.find_group(session, synonyms_id, lock=True)
    require_match(if_match, _to_read(group).etag)
    reject_unknown(pairs, ())
    service.delete_group(session, group)
