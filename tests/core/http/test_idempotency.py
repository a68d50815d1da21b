"""An Idempotency-Key does its work once, whichever workers are asked at the same moment."""

import threading
from uuid import UUID

from app.core.db.database import Database
from app.core.errors import Problem
from app.core.http.idempotency import Idempotency

KEY = UUID(int=7)


def once() -> Idempotency:
    return Idempotency(KEY, "the same", "POST /things", b"{}")


def test_two_workers_do_the_same_request_once(database: Database) -> None:
    recorded = threading.Event()
    asked = threading.Event()
    seen: list[str] = []

    def other() -> None:
        recorded.wait(5)
        try:
            with database.write() as session:
                asked.set()
                found = once().replay(session)
                if found is None:
                    once().record(session, 201, "second")
                seen.append(found or "second")
        except Problem as problem:
            seen.append(problem.code)

    thread = threading.Thread(target=other)
    thread.start()
    with database.write() as session:
        assert once().replay(session) is None
        once().record(session, 201, "first")
        recorded.set()
        # SQLite lets nobody else in; PostgreSQL lets the other ask while this is not committed.
        asked.wait(0.5)
    thread.join()
    assert seen in (["first"], ["request_running"])
    with database.read() as session:
        assert once().replay(session) == "first"
