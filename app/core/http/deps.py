"""What routes ask for: a session that is one transaction, and the objects that the wiring made."""

from collections.abc import Iterator
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request
from sqlmodel import Session

from app.core.db.database import Database
from app.core.secrets import Secrets
from app.core.settings import Settings

T = TypeVar("T")


def state(request: Request, kind: type[T], name: str) -> T:  # noqa: ARG001 - it names the type
    """Return the object that the wiring keeps under `name`."""
    return cast(T, getattr(request.app.state, name))


def get_database(request: Request) -> Database:
    """Return the process's database."""
    return state(request, Database, "database")


def get_settings(request: Request) -> Settings:
    """Return the process's settings."""
    return state(request, Settings, "settings")


def get_secrets(request: Request) -> Secrets:
    """Return the process's ring of secret keys."""
    return state(request, Secrets, "secrets")


def get_read_session(request: Request) -> Iterator[Session]:
    """Give a session for reading one snapshot."""
    with get_database(request).read() as session:
        yield session


def get_write_session(request: Request) -> Iterator[Session]:
    """Give a writing session, committed before the response is sent."""
    with get_database(request).write() as session:
        yield session
    # The edition of this very commit, for the response's header.
    mark = session.info.get("mark")
    if mark is not None:
        request.scope["state"]["mark"] = mark


ReadSession = Annotated[Session, Depends(get_read_session, scope="function")]
WriteSession = Annotated[Session, Depends(get_write_session, scope="function")]
DatabaseDep = Annotated[Database, Depends(get_database)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
SecretsDep = Annotated[Secrets, Depends(get_secrets)]
