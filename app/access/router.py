"""The routes of banks and keys."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from app.access import repository, service
from app.access.deps import AccessDep, CallerDep
from app.access.key_usage import KeyUsage
from app.access.models import ApiKey, Bank
from app.access.schemas import (
    BANK_EXAMPLE,
    KEY_EXAMPLE,
    BankRead,
    BankWrite,
    KeyMade,
    KeyRead,
    KeyWrite,
)
from app.core.errors import not_found
from app.core.fields import is_slug
from app.core.http.deps import ReadSession, SecretsDep, SettingsDep, WriteSession
from app.core.http.idempotency_deps import IdempotencyDep
from app.core.http.json_route import JsonRoute
from app.core.http.keyset_list import KeysetList
from app.core.http.pages import Page
from app.core.http.query_string import (
    Parameter,
    boolean,
    openapi_parameters,
    reject_unknown,
    single_value,
)
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

router = APIRouter(route_class=JsonRoute)

BANKS = KeysetList("editing/banks", max_limit=1000, default_limit=1000)
KEYS = KeysetList("editing/keys", max_limit=100, default_limit=20)
DESCENDANTS = Parameter(
    "descendants",
    "revoke its descendants, too: the keys it made, and the keys they made",
    {"type": "boolean", "default": False},
)
READ_ONLY_FIELDS = ("slug", "etag")
BANK_READ_EXAMPLE = BANK_EXAMPLE | {"etag": "8c1d5a0f7b9e46d2a3b4c5d6e7f80912"}
KEY_READ_EXAMPLE = KEY_EXAMPLE | {
    "id": "01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f",
    "prefix": "qw_sk_4fJq0Z",
    "made_by": "01983a5e-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
    "last_used_at": "2026-11-25T08:15:00Z",
    "etag": "1b7c0e55d2f8a94360be7d1c2a3f4e58",
}
# Not the secret of any key.
NEW_KEY_EXAMPLE = KEY_READ_EXAMPLE | {"secret": "qw_sk_4fJq0Z" + "0" * 37}


def _page_example(example: object) -> dict[str, Any]:
    return _example({"items": [example], "total": 40, "next_cursor": "q83vRk9GT0ZPRk9G"})


def _example(example: object) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


@router.get(
    "/v1/editing/banks",
    tags=["banks"],
    summary="List banks",
    responses=problems(410) | {200: _page_example(BANK_READ_EXAMPLE)},
    openapi_extra=scope("banks:write", parameters=BANKS.openapi),
)
def list_editing_banks(
    pairs: QueryPairs, session: ReadSession, secrets: SecretsDep
) -> Page[BankRead]:
    """Return all banks with their rules, in the order of slugs."""
    page_request = BANKS.read_request(session, secrets, pairs)
    banks, total = repository.bank_page(session, page_request.after, page_request.limit + 1)
    return BANKS.page(
        secrets, page_request, [(bank.slug, bank_read(bank)) for bank in banks], total
    )


@router.post(
    "/v1/editing/banks",
    tags=["banks"],
    summary="Create a bank",
    status_code=201,
    responses=problems(404, 409, 413, 415) | {201: _example(BANK_READ_EXAMPLE)},
    openapi_extra=scope("banks:write", requestBody=body_schema(BankWrite)),
)
def create_bank(  # noqa: PLR0913, PLR0917 - dependencies
    body: JsonBody,
    pairs: QueryPairs,
    idempotency: IdempotencyDep,
    caller: CallerDep,
    session: WriteSession,
    response: Response,
) -> BankRead:
    """Create an empty bank. Its rules are closed by default; more open ones need `admin`."""
    reject_unknown(pairs, ())
    slug = idempotency.replay(session)
    if slug is None:
        values = validated(BankWrite, body)
        bank = service.create_bank(session, caller, values, idempotency)
    else:
        bank = service.find_bank(session, slug)
    response.headers["Location"] = f"/v1/editing/banks/{bank.slug}"
    return _bank_response(bank, response)


@router.get(
    "/v1/editing/banks/{slug}",
    tags=["banks"],
    summary="Get a bank",
    responses=problems(404) | {200: _example(BANK_READ_EXAMPLE)},
    openapi_extra=scope("banks:write"),
)
def get_editing_bank(
    slug: str, pairs: QueryPairs, session: ReadSession, response: Response
) -> BankRead:
    """Return a bank with its rules."""
    bank = _find_bank(session, slug)
    reject_unknown(pairs, ())
    return _bank_response(bank, response)


@router.patch(
    "/v1/editing/banks/{slug}",
    tags=["banks"],
    summary="Change a bank",
    responses=problems(404, 413, 415) | {200: _example(BANK_READ_EXAMPLE)},
    openapi_extra=scope(
        "banks:write",
        requestBody=patch_schema(BankWrite, READ_ONLY_FIELDS, {"answers": "public"}),
        **{"x-media-types": MERGE_PATCH_TYPES},
    ),
)
def update_bank(  # noqa: PLR0913, PLR0917 - dependencies
    slug: str,
    body: JsonBody,
    pairs: QueryPairs,
    caller: CallerDep,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = None,
) -> BankRead:
    """Change fields of a bank. Rules apply to the next request; opening one needs `admin`."""
    bank = _find_bank(session, slug, lock=True)
    current = bank_read(bank).model_dump()
    require_match(if_match, current["etag"])
    reject_unknown(pairs, ())
    patched = apply_merge_patch(current, body, READ_ONLY_FIELDS)
    values = validated(
        BankWrite, patched | {"slug": slug} if isinstance(patched, dict) else patched
    )
    return _bank_response(service.update_bank(session, caller, bank, values), response)


@router.delete(
    "/v1/editing/banks/{slug}",
    tags=["banks"],
    summary="Delete an empty bank",
    status_code=204,
    responses=problems(404, 409),
    openapi_extra=scope("banks:write"),
)
def delete_bank(
    slug: str, pairs: QueryPairs, session: WriteSession, if_match: IfMatch = None
) -> None:
    """Delete a bank without references, and remove it from the keys that name it."""
    bank = _find_bank(session, slug, lock=True)
    require_match(if_match, bank_read(bank).etag)
    reject_unknown(pairs, ())
    service.delete_bank(session, bank)


@router.get(
    "/v1/editing/keys",
    tags=["keys"],
    summary="List keys",
    responses=problems(410) | {200: _page_example(KEY_READ_EXAMPLE)},
    openapi_extra=scope("keys:write", parameters=KEYS.openapi),
)
def list_keys(
    pairs: QueryPairs,
    caller: CallerDep,
    session: ReadSession,
    secrets: SecretsDep,
    access: AccessDep,
) -> Page[KeyRead]:
    """Return the caller's own key and its descendants, newest first; all keys for `admin`."""
    page_request = KEYS.read_request(session, secrets, pairs)
    before = UUID(page_request.after) if page_request.after else None
    visible = service.visible_keys(session, caller)
    keys, total = repository.key_page(session, visible, before, page_request.limit + 1)
    found = [(str(key.id), key_read(key, access.usage)) for key in keys]
    return KEYS.page(secrets, page_request, found, total)


@router.post(
    "/v1/editing/keys",
    tags=["keys"],
    summary="Create a key",
    status_code=201,
    responses=problems(404, 409, 413, 415) | {201: _example(NEW_KEY_EXAMPLE)},
    openapi_extra=scope("keys:write", requestBody=body_schema(KeyWrite)),
)
def create_key(  # noqa: PLR0913, PLR0917 - dependencies
    body: JsonBody,
    pairs: QueryPairs,
    idempotency: IdempotencyDep,
    caller: CallerDep,
    session: WriteSession,
    settings: SettingsDep,
    access: AccessDep,
    response: Response,
) -> KeyMade:
    """Create a key. Its scopes, banks, expiry and rate are at most the caller's.

    The secret is in this response only.
    """
    reject_unknown(pairs, ())
    key_id = idempotency.replay(session)
    if key_id is None:
        values = validated(KeyWrite, body)
        key, secret = service.create_key(session, settings, caller, values, idempotency)
    else:
        key, secret = service.find_key(session, caller, UUID(key_id)), None
    read = key_read(key, access.usage)
    response.headers["Location"] = f"/v1/editing/keys/{key.id}"
    response.headers["ETag"] = f'"{read.etag}"'
    return KeyMade(**read.model_dump(), secret=secret)


@router.get(
    "/v1/editing/keys/{key_id:uuid}",
    tags=["keys"],
    summary="Get a key",
    responses=problems(404) | {200: _example(KEY_READ_EXAMPLE)},
    openapi_extra=scope("keys:write"),
)
def get_key(  # noqa: PLR0913, PLR0917 - dependencies
    key_id: UUID,
    pairs: QueryPairs,
    caller: CallerDep,
    session: ReadSession,
    access: AccessDep,
    response: Response,
) -> KeyRead:
    """Return the caller's own key or a descendant of it, without the secret."""
    read = key_read(service.find_key(session, caller, key_id), access.usage)
    reject_unknown(pairs, ())
    response.headers["ETag"] = f'"{read.etag}"'
    return read


@router.delete(
    "/v1/editing/keys/{key_id:uuid}",
    tags=["keys"],
    summary="Revoke a key",
    status_code=204,
    responses=problems(404),
    openapi_extra=scope("keys:write", parameters=openapi_parameters((DESCENDANTS,))),
)
def delete_key(  # noqa: PLR0913, PLR0917 - dependencies
    key_id: UUID,
    pairs: QueryPairs,
    caller: CallerDep,
    session: WriteSession,
    access: AccessDep,
    if_match: IfMatch = None,
) -> None:
    """Revoke the caller's own key or a descendant of it; every worker knows within a second."""
    key = service.find_key(session, caller, key_id)
    require_match(if_match, key_read(key, access.usage).etag)
    reject_unknown(pairs, (DESCENDANTS.name,))
    descendants = single_value(pairs, DESCENDANTS.name, boolean, default=False)
    service.revoke_key(session, key, descendants=descendants)


def bank_read(bank: Bank) -> BankRead:
    """Return a bank's row as a response."""
    values = bank.model_dump(exclude={"created_at"})
    return BankRead(**values, etag=etag_text(values))


def key_read(key: ApiKey, usage: KeyUsage) -> KeyRead:
    """Return a key's row as a response, without its secret; its use does not change the etag."""
    hidden = {"digest", "last_used_at", "revoked_at", "created_at"}
    values = key.model_dump(exclude=hidden)
    last_used_at = usage.last_used(key.id, key.last_used_at)
    return KeyRead(**values, last_used_at=last_used_at, etag=etag_text(values))


def _find_bank(session: ReadSession, slug: str, *, lock: bool = False) -> Bank:
    # Other text could not even be sent to the database.
    if not is_slug(slug):
        raise not_found()
    return service.find_bank(session, slug, lock=lock)


def _bank_response(bank: Bank, response: Response) -> BankRead:
    read = bank_read(bank)
    response.headers["ETag"] = f'"{read.etag}"'
    return read
