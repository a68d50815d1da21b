"""Watches the order of locks in every statement that tests run."""

import re

from sqlalchemy import Connection, Engine, event

# What may be written once the edition clock is locked; see app.core.db.lock_order.
AFTER_THE_CLOCK = {"clock", "published", "documents", "answers"}

_WRITTEN = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
_LOCKING = re.compile(r"\bFOR (NO KEY )?(UPDATE|SHARE|KEY SHARE)\b|\badvisory\b", re.IGNORECASE)


class LockGuard:
    """Fails a statement that locks or writes other rows after the edition clock was locked."""

    def __init__(self) -> None:
        self._locked: set[Connection] = set()
        event.listen(Engine, "before_cursor_execute", self.check)
        for name in ("begin", "commit", "rollback"):
            event.listen(Engine, name, self._locked.discard)

    def check(self, connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        found = _WRITTEN.match(statement)
        table = found.group(1) if found else None
        is_lock = table is not None or _LOCKING.search(statement)
        if connection in self._locked and is_lock:
            assert table in AFTER_THE_CLOCK, f"after the clock was locked: {statement}"
        if table == "clock":
            self._locked.add(connection)
