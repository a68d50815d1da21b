"""A request with an Idempotency-Key is done idempotency, even by two workers at the same time."""

import threading
from uuid import UUID

from app.core.db.database import Database
from app.core.errors import Problem
from app.core.http.idempotency import Idempotency

KEY = UUID(int=7)


def idempotency() -> Idempotency:
    return Idempotency(KEY, "the same", "POST /things", b"{}")


def test_two_workers_do_the_same_request_once(database: Database) -> None:
    recorded = threading.Event()
    is_reading = threading.Event()
    seen: list[str] = []

    def other() -> None:
        recorded.wait(5)
        try:
            with database.write() as session:
                is_reading.set()
                found = idempotency().replay(session)
                if found is None:
                    idempotency().record(session, 201, "second")
                seen.append(found or "second")
        except Problem as problem:
            seen.append(problem.code)

    thread = threading.Thread(target=other)
    thread.start()
    with database.write() as session:
        assert idempotency().replay(session) is None
        idempotency().record(session, 201, "first")
        recorded.set()
        # On PostgreSQL the other transaction reads before this one commits; on SQLite it waits.
        is_reading.wait(0.5)
    thread.join()
    assert seen in (["first"], ["request_running"])
    with database.read() as session:
        assert idempotency().replay(session) == "first"
