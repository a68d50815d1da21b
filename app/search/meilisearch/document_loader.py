"""Reads questions as they stand now and makes of them what one request to the server carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy import Connection

from app.core import time_and_random
from app.core.db.database import Database
from app.published.answers import read_answers
from app.published.document_reader import read_documents
from app.published.follower import PublishedRow
from app.search.indexing.context import Knowledge
from app.search.indexing.feed_reader import rows_numbered
from app.search.meilisearch.signature import indexed, signature
from app.search.meilisearch.state import Quarantined
from app.search.text.documents import search_document


@dataclass(slots=True)
class Load:
    """`lines` holds the documents to put, `gone` the numbers to delete.

    `sent` tells revision and signature of what is in `lines`, `unfit` what we cannot even make,
    `retried` what was quarantined as something else.
    """

    lines: bytes = b""
    gone: list[int] = field(default_factory=list)
    sent: dict[int, tuple[int, str]] = field(default_factory=dict)
    unfit: list[Quarantined] = field(default_factory=list)
    retried: list[Quarantined] = field(default_factory=list)


def load(
    database: Database,
    knowledge: Knowledge,
    bank: str,
    numbers: Sequence[int],
    quarantined: Mapping[int, Quarantined],
) -> Load:
    """Return the load for a bank's questions; whatever is not live or is quarantined goes.

    Nothing is sent of a bank that has no index. Rules and rows are read in one transaction, so no
    answer is sent under a rule that was changed.
    """
    loaded = Load()
    with database.read() as session:
        knowledge.refresh(session)
        if bank not in knowledge.banks:
            return loaded
        connection = session.connection()
        rows = rows_numbered(connection, numbers)
        live = {
            number: (row.revision, signature(row, knowledge.texts, knowledge.banks[bank]))
            for number, row in rows.items()
            if row.bank == bank and row.revision is not None
        }
        for number in numbers:
            kept = quarantined.get(number)
            if number not in live or kept is None:
                continue
            if kept.signature == live[number][1]:
                del live[number]
            else:
                loaded.retried.append(kept)
        loaded.gone = [number for number in numbers if number not in live]
        loaded.sent = live
        _render(connection, knowledge, bank, rows, loaded)
    return loaded


def _render(
    connection: Connection,
    knowledge: Knowledge,
    bank: str,
    rows: Mapping[int, PublishedRow],
    loaded: Load,
) -> None:
    wanted = [(number, revision) for number, (revision, _) in loaded.sent.items()]
    documents = read_documents(connection, wanted)
    answers: dict[int, bytes] = {}
    if wanted and knowledge.banks[bank] and knowledge.right is not None:
        named = [(number, revision, bank) for number, revision in wanted]
        answers = read_answers(connection, knowledge.right, named)
    lines = []
    for number, (revision, signed) in list(loaded.sent.items()):
        row = rows[number]
        try:
            text = search_document(
                row, documents[number], answers.get(number), knowledge.vocabularies
            )
            lines.append(orjson.dumps(indexed(row, text, signed)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            del loaded.sent[number]
            loaded.gone.append(number)
            reason = f"its document cannot be read ({type(error).__name__})"
            now = time_and_random.milliseconds()
            entry = Quarantined(number, bank, revision, signed, "unreadable", reason, now)
            loaded.unfit.append(entry)
    loaded.lines = b"\n".join(lines)
