"""Dependencies that every room's routes use: sessions, settings, secrets, services."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlmodel import Session

from app.core.db.database import Database
from app.core.db.edition_clock import written_mark
from app.core.http.request_context import request_context
from app.core.secrets import Secrets
from app.core.services import Services
from app.core.settings import Settings

T = TypeVar("T")


def services_of(request: Request) -> Services:
    """Return the worker's long-lived objects."""
    services: Services = request.app.state.services
    return services


def provide(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """Return a dependency that gives the worker's object of a class."""

    async def dependency(request: Request) -> T:
        return services_of(request).get(kind)

    return dependency


def get_read_session(request: Request) -> Iterator[Session]:
    """Give a session for reading one snapshot."""
    with services_of(request).get(Database).read() as session:
        yield session


def get_write_session(request: Request) -> Iterator[Session]:
    """Give a writing session, committed before the response is sent."""
    with services_of(request).get(Database).write() as session:
        yield session
    # The response's header names the edition of this very commit.
    mark = written_mark(session)
    if mark is not None:
        request_context(request).mark = mark


ReadSession = Annotated[Session, Depends(get_read_session, scope="function")]
WriteSession = Annotated[Session, Depends(get_write_session, scope="function")]
DatabaseDep = Annotated[Database, Depends(provide(Database))]
SettingsDep = Annotated[Settings, Depends(provide(Settings))]
SecretsDep = Annotated[Secrets, Depends(provide(Secrets))]
