"""Dependencies: who sent the request, and the worker's snapshot of banks and keys."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import Caller
from app.core.http.deps import provide
from app.core.http.request_context import admitted_caller


async def get_caller(request: Request) -> Caller:
    """Return who sent the request."""
    # The edge's Admission is of this room, and admits nobody but callers.
    return cast(Caller, admitted_caller(request))


CallerDep = Annotated[Caller, Depends(get_caller)]
AccessDep = Annotated[AccessSnapshot, Depends(provide(AccessSnapshot))]
