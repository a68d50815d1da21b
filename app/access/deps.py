"""What routes ask for: the caller, and the directory of banks and keys."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.access.access_snapshot import Directory
from app.access.rights import Caller


def get_caller(request: Request) -> Caller:
    """Return who sent the request, as the edge found it."""
    return cast(Caller, request.scope["state"]["caller"])


def get_directory(request: Request) -> Directory:
    """Return the worker's directory."""
    return cast(Directory, request.app.state.directory)


CallerDep = Annotated[Caller, Depends(get_caller)]
DirectoryDep = Annotated[Directory, Depends(get_directory)]
