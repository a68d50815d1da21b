"""The dependency that gives a request's Idempotency-Key, locked while the request runs."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from app.core.errors import FieldError, invalid
from app.core.http.idempotency import HEADER, MAX_LENGTH, Idempotency
from app.core.http.request_context import admitted_caller


def key_of(request: Request) -> str | None:
    """Return the request's Idempotency-Key, if it has one; 422 for one that cannot be used."""
    caller = admitted_caller(request)
    key = request.headers.get(HEADER)
    if key is not None and (caller.kind != "secret" or not 1 <= len(key) <= MAX_LENGTH):
        detail = f"With a secret key only, 1 to {MAX_LENGTH} characters."
        raise invalid(FieldError("invalid_value", detail, parameter=HEADER))
    return key


async def get_idempotency(request: Request) -> Idempotency:
    """Return the request's Idempotency; 422 for a key that cannot be used."""
    caller = admitted_caller(request)
    key = key_of(request)
    route = request.method + " " + request.scope["route"].path
    if key is None:
        return Idempotency(caller.key_id, None, route, b"")
    # The same body for another question, or with `publish=true`, is another request.
    address = request.scope["path"].encode() + b"?" + request.scope["query_string"]
    return Idempotency(caller.key_id, key, route, address + b"\0" + await request.body())


def run_once(
    idempotency: Annotated[Idempotency, Depends(get_idempotency)],
) -> Iterator[Idempotency]:
    """Give the request's Idempotency, with its key locked while the request runs."""
    with idempotency.running():
        yield idempotency


IdempotencyDep = Annotated[Idempotency, Depends(run_once, scope="function")]
