"""What can be done with synonyms: groups of phrases, read by every worker with the terms."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import orjson
from sqlmodel import Session

from app.core import time_and_random
from app.core.db.edition_clock import bump_config
from app.core.errors import FieldError, invalid, not_found
from app.core.http.idempotency import Idempotency
from app.search.models import SynonymGroup
from app.search.schemas import SynonymsWrite
from app.search.synonyms import repository
from app.search.synonyms.snapshot import distinct_phrases, synonyms_of


def find_group(session: Session, group_id: UUID, *, lock: bool = False) -> SynonymGroup:
    """Return a group; 404 where there is none."""
    group = repository.find(session, group_id, lock=lock)
    if group is None:
        raise not_found()
    return group


def create_group(session: Session, wanted: SynonymsWrite, once: Idempotency) -> SynonymGroup:
    """Make a group."""
    group = SynonymGroup(id=time_and_random.uuid7(), words=_distinct(wanted))
    repository.add(session, [group])
    once.record(session, 201, str(group.id))
    bump_config(session)
    return group


def update_group(session: Session, group: SynonymGroup, wanted: SynonymsWrite) -> None:
    """Give a locked group other words."""
    repository.change(session, group, _distinct(wanted))
    bump_config(session)


def delete_group(session: Session, group: SynonymGroup) -> None:
    """Delete a locked group."""
    repository.remove(session, group)
    bump_config(session)


def load_synonyms_file(session: Session, path: Path) -> None:
    """Make the groups of a file, where there is one, that no present one says already.

    Locks the clock.
    """
    if path.exists():
        given = orjson.loads(path.read_bytes())
        create_groups(session, [SynonymsWrite(words=words) for words in given])


def create_groups(session: Session, groups: Sequence[SynonymsWrite]) -> None:
    """Make the groups that no present one says already; locks the clock."""
    known = [set(synonyms_of([group.words])) for group in repository.all_groups(session)]
    fresh = [
        _distinct(group)
        for group in groups
        if not any(set(synonyms_of([group.words])) <= each for each in known)
    ]
    repository.add(
        session, [SynonymGroup(id=time_and_random.uuid7(), words=words) for words in fresh]
    )
    if fresh:
        bump_config(session)


def _distinct(wanted: SynonymsWrite) -> list[str]:
    phrases = distinct_phrases(wanted.words)
    if len(phrases) < 2:
        detail = "Two phrases at least that say different words."
        raise invalid(FieldError("invalid_value", detail, pointer="/words"))
    return phrases
