"""The SQL of terms and their names."""

from collections.abc import Collection
from typing import Any, Literal

from sqlalchemy import Table, delete, func, insert, select, tuple_, update
from sqlmodel import Session

from app.core.db.lock_order import check_lock_order
from app.core.db.tables import table_of
from app.taxonomy.models import Category, Company, Tag, TermName
from app.taxonomy.vocabulary import Term

_TABLES: dict[str, Table] = {
    "categories": table_of(Category),
    "companies": table_of(Company),
    "tags": table_of(Tag),
}
_NAMES = table_of(TermName)
Lock = Literal["change", "removal"]
# Well below the maximum number of parameters of a statement on either database.
CHUNK_NAMES = 500


def vocabulary_table(vocabulary: str) -> Table:
    """Return the table of a vocabulary."""
    return _TABLES[vocabulary]


def all_terms(session: Session, vocabulary: str) -> list[Term]:
    """Return every term of a vocabulary."""
    return [_term(row) for row in session.connection().execute(select(_TABLES[vocabulary]))]


def page(session: Session, vocabulary: str, after: str, limit: int) -> tuple[list[Term], int]:
    """Return at most `limit` terms with slugs after `after`, in order, and the total count."""
    table = _TABLES[vocabulary]
    connection = session.connection()
    total = connection.execute(select(func.count()).select_from(table)).scalar_one()
    statement = select(table).where(table.c.slug > after).order_by(table.c.slug).limit(limit)
    return [_term(row) for row in connection.execute(statement)], total


def find(session: Session, vocabulary: str, slug: str, lock: Lock | None = None) -> Term | None:
    """Return a term, or None.

    With a lock no other transaction changes it before the commit; with the lock "removal" no
    other transaction can start to refer to it either.
    """
    table = _TABLES[vocabulary]
    statement = select(table).where(table.c.slug == slug)
    if lock is not None:
        check_lock_order(session)
        statement = statement.with_for_update(key_share=lock == "change")
    row = session.connection().execute(statement).one_or_none()
    return None if row is None else _term(row)


def lock_tree(session: Session) -> dict[str, str | None]:
    """Lock all categories and return {slug: parent}.

    Two concurrent moves that are each valid could together form a cycle.
    """
    check_lock_order(session)
    table = _TABLES["categories"]
    statement = select(table.c.slug, table.c.parent).order_by(table.c.slug)
    rows = session.connection().execute(statement.with_for_update(key_share=True))
    return {row.slug: row.parent for row in rows}


def add(session: Session, vocabulary: str, term: Term) -> None:
    """Insert a term without its names."""
    session.connection().execute(insert(_TABLES[vocabulary]).values(_row(vocabulary, term)))


def change(session: Session, vocabulary: str, term: Term) -> None:
    """Update all columns of a term except its slug; its names are separate."""
    table = _TABLES[vocabulary]
    statement = update(table).where(table.c.slug == term.slug).values(_row(vocabulary, term))
    session.connection().execute(statement)


def remove(session: Session, vocabulary: str, slug: str) -> None:
    """Delete a term without references, and its names."""
    table = _TABLES[vocabulary]
    mine = (_NAMES.c.vocabulary == vocabulary) & (_NAMES.c.slug == slug)
    session.connection().execute(delete(_NAMES).where(mine))
    session.connection().execute(delete(table).where(table.c.slug == slug))


def name_owners(session: Session, vocabulary: str, keys: Collection[str]) -> dict[str, str]:
    """Return {folded name: slug} for the names that belong to a term."""
    found: dict[str, str] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), CHUNK_NAMES):
        statement = select(_NAMES.c.folded, _NAMES.c.slug).where(
            _NAMES.c.vocabulary == vocabulary,
            _NAMES.c.folded.in_(wanted[start : start + CHUNK_NAMES]),
        )
        found |= {row.folded: row.slug for row in session.connection().execute(statement)}
    return found


def add_names(session: Session, vocabulary: str, slug: str, keys: Collection[str]) -> None:
    """Assign folded names to a term; IntegrityError if one belongs to another term."""
    rows = [{"vocabulary": vocabulary, "folded": key, "slug": slug} for key in sorted(keys)]
    if rows:
        session.connection().execute(insert(_NAMES), rows)


def remove_names(session: Session, vocabulary: str, keys: Collection[str]) -> None:
    """Remove folded names."""
    pairs = [(vocabulary, key) for key in keys]
    if pairs:
        names = tuple_(_NAMES.c.vocabulary, _NAMES.c.folded)
        session.connection().execute(delete(_NAMES).where(names.in_(pairs)))


def _term(row: Any) -> Term:  # noqa: ANN401 - a row of any of the three tables
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return Term(**(values | {"aliases": tuple(values["aliases"])}))


def _row(vocabulary: str, term: Term) -> dict[str, object]:
    row: dict[str, object] = {
        "slug": term.slug,
        "name": term.name,
        "description": term.description,
        "aliases": list(term.aliases),
    }
    if vocabulary == "categories":
        row["parent"] = term.parent
    if vocabulary == "tags":
        row["group"] = term.group
    return row
