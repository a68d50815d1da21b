"""The only module that reads answers; it requires an AnswerRight, which only `access` creates."""

from collections.abc import Sequence

from sqlalchemy import Connection
from sqlmodel import select

from app.access.rights import AnswerRight
from app.core.db.tables import table_of
from app.core.errors import Problem
from app.published.document_reader import batches
from app.published.models import Answer

_TABLE = table_of(Answer)


def read_answers(
    connection: Connection, right: AnswerRight, wanted: Sequence[tuple[int, int, str]]
) -> dict[int, bytes]:
    """Return the JSON of answers by number; `wanted` has triples (number, revision, bank).

    Problem answers_not_allowed if the right does not include one of the banks.
    """
    if any(bank not in right.banks for _, _, bank in wanted):
        message = "The answers of a bank concerned may not be read with this key."
        raise Problem("answers_not_allowed", message)
    found: dict[int, bytes] = {}
    for batch in batches([(number, revision) for number, revision, _ in wanted]):
        revisions = dict(batch)
        statement = select(_TABLE.c.number, _TABLE.c.revision, _TABLE.c.body).where(
            _TABLE.c.number.in_(revisions.keys()),
            _TABLE.c.revision.in_(set(revisions.values())),
        )
        found.update(
            (number, bytes(body))
            for number, revision, body in connection.execute(statement)
            if revisions[number] == revision
        )
    return found
