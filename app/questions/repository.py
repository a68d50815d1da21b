"""The SQL of questions. Statements are built once and work on sets of questions."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Row,
    TableClause,
    Text,
    and_,
    bindparam,
    column,
    delete,
    func,
    insert,
    select,
    table,
)
from sqlmodel import Session, SQLModel

from app.access.models import Bank
from app.core import time_and_random
from app.core.db.database import JsonText, UtcDateTime
from app.core.db.lock_order import check_lock_order
from app.core.db.tables import table_of
from app.core.http.idempotency import KEPT_MILLISECONDS
from app.published.models import Published
from app.questions.models import (
    Question,
    QuestionBatch,
    QuestionCategory,
    QuestionCompany,
    QuestionMedia,
    QuestionTag,
    Revision,
)
from app.questions.state import QuestionState, RevisionContent
from app.taxonomy.models import Category, Company, Tag

T = TypeVar("T")

# Well below the maximum number of parameters of a statement on either database.
CHUNK_ROWS = 500


def _untyped_table(model: type[SQLModel]) -> TableClause:
    """Return a table without type conversion: times in milliseconds, JSON as text."""
    columns = table_of(model).columns
    types: dict[type, Any] = {UtcDateTime: BigInteger(), JsonText: Text()}
    return table(
        str(model.__tablename__),
        *(column(each.name, types.get(type(each.type), each.type)) for each in columns),
    )


BANK = _untyped_table(Bank)
BATCH = _untyped_table(QuestionBatch)
QUESTION = _untyped_table(Question)
REVISION = _untyped_table(Revision)
PUBLISHED = _untyped_table(Published)
LINKS = {
    "categories": _untyped_table(QuestionCategory),
    "companies": _untyped_table(QuestionCompany),
    "tags": _untyped_table(QuestionTag),
    "media": _untyped_table(QuestionMedia),
}
TERMS = {
    "categories": _untyped_table(Category),
    "companies": _untyped_table(Company),
    "tags": _untyped_table(Tag),
}

_NEWEST = REVISION.alias("newest")
_LIVE = REVISION.alias("live")
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_LOCK = (
    select(QUESTION.c.id).where(QUESTION.c.id.in_(_IDS)).order_by(QUESTION.c.id).with_for_update()
)
_LOCK_BANK = (
    select(BANK.c.slug).where(BANK.c.slug == bindparam("bank")).with_for_update(key_share=True)
)
_LOAD = (
    select(
        *QUESTION.c,
        _NEWEST.c.content,
        _LIVE.c.content.label("live_content"),
        _LIVE.c.created_at.label("live_at"),
    )
    .join_from(
        QUESTION,
        _NEWEST,
        and_(_NEWEST.c.question_id == QUESTION.c.id, _NEWEST.c.number == QUESTION.c.revision),
    )
    .outerjoin(
        _LIVE,
        and_(
            _LIVE.c.question_id == QUESTION.c.id,
            _LIVE.c.number == QUESTION.c.published_revision,
            QUESTION.c.published_revision != QUESTION.c.revision,
        ),
    )
    .where(QUESTION.c.id.in_(_IDS))
)
_NUMBERS = select(PUBLISHED.c.id, PUBLISHED.c.number).where(PUBLISHED.c.id.in_(_IDS))


def lock(session: Session, ids: Collection[UUID]) -> None:
    """Lock questions by id. Ids that do not exist are ignored."""
    check_lock_order(session)
    # SQLite has one writer, so no row can be locked by somebody else.
    if session.get_bind().dialect.name == "sqlite":
        return
    for part in chunks(sorted(ids)):
        session.connection().execute(_LOCK, {"ids": part}).all()


def load(session: Session, ids: Collection[UUID]) -> dict[UUID, QuestionState]:
    """Return the questions that exist, by id."""
    found = {}
    for part in chunks(sorted(ids)):
        for row in session.connection().execute(_LOAD, {"ids": part}):
            question = _question_state(row)
            found[question.id] = question
    return found


def find(session: Session, question_id: UUID) -> QuestionState | None:
    """Return one question, or None."""
    return load(session, [question_id]).get(question_id)


def _question_state(row: Any) -> QuestionState:  # noqa: ANN401 - a row of many columns
    newest = RevisionContent(row.revision, row.updated_at, orjson.loads(row.content))
    live: RevisionContent | None = None
    if row.published_revision == row.revision:
        live = newest
    elif row.published_revision is not None:
        live = RevisionContent(row.published_revision, row.live_at, orjson.loads(row.live_content))
    question = QuestionState(
        row.id,
        row.bank,
        row.external_id,
        row.state,
        row.published_at,
        row.created_at,
        newest,
        live,
        was_public=row.published_at is not None,
    )
    question.stored_references = question.references()
    question.stored_evidence = question.evidence()
    return question


def remove(session: Session, question_id: UUID) -> None:
    """Delete a question with its revisions and links."""
    session.connection().execute(delete(QUESTION).where(QUESTION.c.id == question_id))


def numbers(session: Session, ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the numbers of the questions that are or were published, by id."""
    found: dict[UUID, int] = {}
    for part in chunks(list(ids)):
        rows = session.connection().execute(_NUMBERS, {"ids": part})
        found.update((row.id, row.number) for row in rows)
    return found


def external_id_owner(session: Session, bank: str, external_id: str) -> UUID | None:
    """Return the id of the question that has the external id in the bank, or None."""
    statement = select(QUESTION.c.id).where(
        QUESTION.c.bank == bank, QUESTION.c.external_id == external_id
    )
    found: UUID | None = session.connection().execute(statement).scalar_one_or_none()
    return found


def lock_bank(session: Session, bank: str) -> None:
    """Lock a bank before several external ids are written, to avoid a deadlock of two writers."""
    check_lock_order(session)
    session.connection().execute(_LOCK_BANK, {"bank": bank}).all()


def bank_language(session: Session, bank: str) -> str | None:
    """Return a bank's language, or None if there is no such bank."""
    statement = select(BANK.c.language).where(BANK.c.slug == bank)
    found: str | None = session.connection().execute(statement).scalar_one_or_none()
    return found


def existing_terms(session: Session, vocabulary: str, slugs: Collection[str]) -> set[str]:
    """Return which of the slugs are terms. They cannot be deleted before the commit."""
    check_lock_order(session)
    terms = TERMS[vocabulary]
    found: set[str] = set()
    for part in chunks(sorted(slugs)):
        statement = (
            select(terms.c.slug)
            .where(terms.c.slug.in_(part))
            .order_by(terms.c.slug)
            .with_for_update(read=True, key_share=True)
        )
        found |= set(session.connection().execute(statement).scalars())
    return found


def questions_with_term(session: Session, vocabulary: str, slug: str) -> list[UUID]:
    """Return the ids of questions that have a term in their newest or their live revision."""
    links = LINKS[vocabulary]
    statement = select(links.c.question_id).where(links.c.slug == slug)
    return list(session.connection().execute(statement).scalars())


def revision(session: Session, question_id: UUID, number: int) -> Row[Any] | None:
    """Return the row of one revision, with its content as JSON text."""
    statement = select(REVISION).where(
        REVISION.c.question_id == question_id, REVISION.c.number == number
    )
    return session.connection().execute(statement).one_or_none()


def revision_content(row: Row[Any]) -> RevisionContent:
    """Return the content of a revision's row."""
    return RevisionContent(row.number, row.created_at, orjson.loads(row.content))


def revisions(
    session: Session, question_id: UUID, before: int | None, limit: int
) -> tuple[list[Row[Any]], int]:
    """Return at most `limit` revisions without content, newest first, and their total count."""
    mine = REVISION.c.question_id == question_id
    connection = session.connection()
    total = connection.execute(select(func.count()).select_from(REVISION).where(mine)).scalar_one()
    statement = (
        select(*(each for each in REVISION.c if each.name != "content"))
        .where(mine)
        .order_by(REVISION.c.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(REVISION.c.number < before)
    return list(connection.execute(statement)), total


def store_batch_results(session: Session, results: list[dict[str, Any]]) -> UUID:
    """Store the results of a batch for as long as its Idempotency-Key; return their id."""
    now = time_and_random.milliseconds()
    connection = session.connection()
    connection.execute(delete(BATCH).where(BATCH.c.created_at < now - KEPT_MILLISECONDS))
    batch_id = time_and_random.uuid7()
    row = {"id": batch_id, "results": orjson.dumps(results).decode(), "created_at": now}
    connection.execute(insert(BATCH).values(row))
    return batch_id


def batch_results(session: Session, batch_id: UUID) -> Any:  # noqa: ANN401 - a JSON value
    """Return the stored results of a batch."""
    statement = select(BATCH.c.results).where(BATCH.c.id == batch_id)
    return orjson.loads(session.connection().execute(statement).scalar_one())


def chunks(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split a list into parts that fit into one statement."""
    for start in range(0, len(ids), CHUNK_ROWS):
        yield ids[start : start + CHUNK_ROWS]
