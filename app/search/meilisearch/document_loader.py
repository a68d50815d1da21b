"""Loads the current state of questions as the payload of one request to the server.

Takes the numbers of a batch from the sender; gives the documents to put, the numbers to delete and
the signatures of what is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy import Connection

from app.core import time_and_random
from app.core.db.database import Database
from app.published.answers import read_answers
from app.published.document_reader import read_documents
from app.published.follower import PublishedRow
from app.search.indexing.context import IndexingContext
from app.search.indexing.feed_reader import rows_by_number
from app.search.meilisearch.signature import build_document, row_signature
from app.search.meilisearch.state import QuarantineEntry
from app.search.text.documents import search_document


@dataclass(slots=True)
class BatchPayload:
    """What one batch sends.

    `ndjson` holds the documents to put, `deleted` the numbers to delete. `sent` maps the number of
    each document to its (revision, signature). `unreadable` are new quarantine entries for
    documents that cannot be built. `retried` are the entries of questions that are sent because
    their signature has changed since they were put into quarantine.
    """

    ndjson: bytes = b""
    deleted: list[int] = field(default_factory=list)
    sent: dict[int, tuple[int, str]] = field(default_factory=dict)
    unreadable: list[QuarantineEntry] = field(default_factory=list)
    retried: list[QuarantineEntry] = field(default_factory=list)


def load_payload(
    database: Database,
    context: IndexingContext,
    bank: str,
    numbers: Sequence[int],
    quarantine: Mapping[int, QuarantineEntry],
) -> BatchPayload:
    """Load the payload for some of a bank's questions.

    Questions that are not live, or are in quarantine unchanged, are deleted from the index. The
    payload is empty for a bank that is not indexed. Rules and rows are read in one transaction, so
    that no answer is sent under an outdated rule.
    """
    payload = BatchPayload()
    with database.read() as session:
        context.refresh(session)
        if bank not in context.banks:
            return payload
        connection = session.connection()
        rows = rows_by_number(connection, numbers)
        live = {
            number: (row.revision, row_signature(row, context.term_texts, context.banks[bank]))
            for number, row in rows.items()
            if row.bank == bank and row.revision is not None
        }
        for number in numbers:
            entry = quarantine.get(number)
            if number not in live or entry is None:
                continue
            if entry.signature == live[number][1]:
                del live[number]
            else:
                payload.retried.append(entry)
        payload.deleted = [number for number in numbers if number not in live]
        payload.sent = live
        _build_documents(connection, context, bank, rows, payload)
    return payload


def _build_documents(
    connection: Connection,
    context: IndexingContext,
    bank: str,
    rows: Mapping[int, PublishedRow],
    payload: BatchPayload,
) -> None:
    """Build the documents of `payload.sent`; those that fail are deleted and put aside."""
    wanted = [(number, revision) for number, (revision, _) in payload.sent.items()]
    documents = read_documents(connection, wanted)
    answers: dict[int, bytes] = {}
    if wanted and context.banks[bank] and context.answer_right is not None:
        keys = [(number, revision, bank) for number, revision in wanted]
        answers = read_answers(connection, context.answer_right, keys)
    lines = []
    for number, (revision, signature) in list(payload.sent.items()):
        row = rows[number]
        try:
            document = search_document(
                row, documents[number], answers.get(number), context.vocabularies
            )
            lines.append(orjson.dumps(build_document(row, document, signature)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            del payload.sent[number]
            payload.deleted.append(number)
            reason = f"its document cannot be read ({type(error).__name__})"
            now = time_and_random.milliseconds()
            entry = QuarantineEntry(number, bank, revision, signature, "unreadable", reason, now)
            payload.unreadable.append(entry)
    payload.ndjson = b"\n".join(lines)
