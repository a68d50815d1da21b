"""The routes of synonyms, for whoever may edit terms."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

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
from app.search.models import SynonymGroup
from app.search.schemas import SYNONYMS_EXAMPLE, SynonymsRead, SynonymsWrite
from app.search.synonyms import repository, service

SCOPE = "taxonomy:write"
PATH = "/v1/editing/synonyms"
ONE = PATH + "/{synonyms_id:uuid}"
FIXED = ("id", "etag")
LISTING = Listing("editing/synonyms", most=1000, default=1000)
SHOWN: dict[str, Any] = {
    "id": "01a3b2c4-d5e6-7f80-91a2-b3c4d5e6f708",
    **SYNONYMS_EXAMPLE,
    "etag": "3f0a9c7be1d24586a7b8c9d0e1f20314",
}

router = APIRouter(tags=["terms"], route_class=JsonRoute)


def _shows(example: object) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


def _view(group: SynonymGroup) -> SynonymsRead:
    values = {"id": str(group.id), "words": group.words}
    return SynonymsRead(id=group.id, words=group.words, etag=etag_text(values))


def _answer(group: SynonymGroup, response: Response) -> SynonymsRead:
    shown = _view(group)
    response.headers["ETag"] = f'"{shown.etag}"'
    return shown


@router.get(
    PATH,
    summary="List synonyms",
    responses=problems(410) | {200: _shows({"items": [SHOWN], "total": 1, "next_cursor": None})},
    openapi_extra=scope(SCOPE, parameters=LISTING.openapi),
)
def list_synonyms(
    pairs: QueryPairs, session: ReadSession, secrets: SecretsDep
) -> Page[SynonymsRead]:
    """Return every group of synonyms, oldest first."""
    asked = LISTING.asked(session, secrets, pairs)
    after = UUID(asked.after) if asked.after else None
    groups, total = repository.page(session, after, asked.limit + 1)
    return LISTING.page(secrets, asked, [(str(group.id), _view(group)) for group in groups], total)


@router.post(
    PATH,
    summary="Make synonyms",
    status_code=201,
    responses=problems(404, 409, 413, 415) | {201: _shows(SHOWN)},
    openapi_extra=scope(SCOPE, requestBody=body_schema(SynonymsWrite)),
)
def create_synonyms(
    body: JsonBody,
    pairs: QueryPairs,
    once: IdempotencyDep,
    session: WriteSession,
    response: Response,
) -> SynonymsRead:
    """Make a group of words and phrases that mean the same to whoever searches, in all banks."""
    reject_unknown(pairs, ())
    made = once.replay(session)
    if made is None:
        group = service.create_group(session, validated(SynonymsWrite, body), once)
    else:
        group = service.find_group(session, UUID(made))
    response.headers["Location"] = f"{PATH}/{group.id}"
    return _answer(group, response)


@router.get(
    ONE,
    summary="Look at synonyms",
    responses=problems(404) | {200: _shows(SHOWN)},
    openapi_extra=scope(SCOPE),
)
def get_synonyms(
    synonyms_id: UUID, pairs: QueryPairs, session: ReadSession, response: Response
) -> SynonymsRead:
    """Return a group of synonyms."""
    group = service.find_group(session, synonyms_id)
    reject_unknown(pairs, ())
    return _answer(group, response)


@router.patch(
    ONE,
    summary="Change synonyms",
    responses=problems(404, 413, 415) | {200: _shows(SHOWN)},
    openapi_extra=scope(
        SCOPE,
        requestBody=patch_schema(SynonymsWrite, FIXED, SYNONYMS_EXAMPLE),
        **{"x-media-types": MERGE_PATCH_TYPES},
    ),
)
def update_synonyms(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    synonyms_id: UUID,
    body: JsonBody,
    pairs: QueryPairs,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = None,
) -> SynonymsRead:
    """Give a group other words; the list is replaced whole."""
    group = service.find_group(session, synonyms_id, lock=True)
    current = _view(group).model_dump(mode="json")
    require_match(if_match, current["etag"])
    reject_unknown(pairs, ())
    wanted = validated(SynonymsWrite, merged(current, body, FIXED))
    service.update_group(session, group, wanted)
    return _answer(group, response)


@router.delete(
    ONE,
    summary="Delete synonyms",
    status_code=204,
    responses=problems(404),
    openapi_extra=scope(SCOPE),
)
def delete_synonyms(
    synonyms_id: UUID, pairs: QueryPairs, session: WriteSession, if_match: IfMatch = None
) -> None:
    """Delete a group; its words mean nothing but themselves from then."""
    group = service.find_group(session, synonyms_id, lock=True)
    require_match(if_match, _view(group).etag)
    reject_unknown(pairs, ())
    service.delete_group(session, group)
