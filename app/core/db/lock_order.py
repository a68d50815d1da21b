"""The order in which a transaction locks rows: the edition clock is the last lock.

Transactions that lock rows in different orders can deadlock. The order is: question rows by
ascending id, then other rows (external ids, terms, banks, keys), then the single row of the clock.
After the clock, only rows of what is published are written, and the transaction commits. So the
order of `seq` is the order of commits, on PostgreSQL too.

Locking the clock marks the session. Every function that locks other rows calls `check_lock_order`.
"""

from sqlmodel import Session

_MARK = "clock_is_locked"


class LockOrderError(Exception):
    """A row would be locked after the clock: a defect of the program."""


def mark_clock_locked(session: Session) -> None:
    """Note that the session's transaction has locked the clock."""
    session.info[_MARK] = True


def check_lock_order(session: Session) -> None:
    """Raise LockOrderError if the session has locked the clock; call this before locking rows."""
    if session.info.get(_MARK):
        message = "rows are locked after the edition clock"
        raise LockOrderError(message)
