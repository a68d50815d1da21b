"""Idempotency-Key: a POST that is sent twice is done once, and returns the same resource."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, String, Uuid, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel

from app.core import time_and_random
from app.core.db.lock_order import check_lock_order
from app.core.db.tables import table_of
from app.core.errors import Problem

HEADER = "Idempotency-Key"
MAX_LENGTH = 255
KEPT_MILLISECONDS = 24 * 3600 * 1000


class IdempotencyRecord(SQLModel, table=True):
    """The resource that a request created; never a body, never a secret."""

    __tablename__: ClassVar[str] = "idempotency_records"
    __table_args__ = (Index("ix_idempotency_records_created_at", "created_at"),)

    key_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    key: str = Field(sa_column=Column(String(MAX_LENGTH), primary_key=True))
    route: str = Field(sa_column=Column(String(200), primary_key=True))
    body_hash: str = Field(sa_column=Column(String(64), nullable=False))
    status: int = Field(sa_column=Column(Integer, nullable=False))
    resource: str = Field(sa_column=Column(String(200), nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


_TABLE = table_of(IdempotencyRecord)


class _Running:
    """The requests that run in this process: (API key, Idempotency-Key, route)."""

    lock = threading.Lock()
    requests: ClassVar[set[tuple[UUID, str, str]]] = set()


class Idempotency:
    """The Idempotency-Key of one request; without the header, nothing is stored or refused."""

    def __init__(self, key_id: UUID | None, key: str | None, route: str, body: bytes) -> None:
        """Use the header's value `key`; `body` is everything that two equal requests share."""
        self._id = (key_id, key, route) if key_id is not None and key is not None else None
        self._body_hash = hashlib.sha256(body).hexdigest()

    def replay(self, session: Session) -> str | None:
        """Return the resource that this request created before; None if it has not run yet.

        Problem idempotency_mismatch if the key was sent with another request.
        """
        if self._id is None:
            return None
        stored = session.get(IdempotencyRecord, self._id)
        if stored is None or stored.created_at < time_and_random.milliseconds() - KEPT_MILLISECONDS:
            return None
        if stored.body_hash != self._body_hash:
            message = "This Idempotency-Key was sent before, with another body, address or query."
            raise Problem("idempotency_mismatch", message)
        return stored.resource

    def record(self, session: Session, status: int, resource: str) -> None:
        """Store the resource, in the transaction that creates it."""
        if self._id is None:
            return
        check_lock_order(session)
        now = time_and_random.milliseconds()
        connection = session.connection()
        connection.execute(delete(_TABLE).where(_TABLE.c.created_at < now - KEPT_MILLISECONDS))
        key_id, key, route = self._id
        row = {"key_id": key_id, "key": key, "route": route, "body_hash": self._body_hash}
        row |= {"status": status, "resource": resource, "created_at": now}
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        # The returned row says whether it was inserted: not every driver counts inserted rows.
        insert = dialect.insert(_TABLE).values(row).on_conflict_do_nothing()
        if connection.execute(insert.returning(_TABLE.c.key)).first() is None:
            # Another worker process has just done the same: this transaction is rolled back.
            raise _still_running()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Lock the key while the request runs; 409 request_running if it runs already."""
        if self._id is None:
            yield
            return
        with _Running.lock:
            if self._id in _Running.requests:
                raise _still_running()
            _Running.requests.add(self._id)
        try:
            yield
        finally:
            _Running.requests.discard(self._id)


def _still_running() -> Problem:
    message = "The first request with this Idempotency-Key is still running."
    return Problem("request_running", message)
