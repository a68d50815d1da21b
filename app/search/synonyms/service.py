"""Creates, changes and deletes synonym groups; every worker reloads them with the configuration."""

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
from app.search.synonyms.snapshot import distinct_phrases, synonyms_from_groups


def find_group(session: Session, group_id: UUID, *, lock: bool = False) -> SynonymGroup:
    """Return a group; 404 if it does not exist."""
    group = repository.find(session, group_id, lock=lock)
    if group is None:
        raise not_found()
    return group


def create_group(session: Session, body: SynonymsWrite, idempotency: Idempotency) -> SynonymGroup:
    """Create a group and record it under the request's idempotency key."""
    group = SynonymGroup(id=time_and_random.uuid7(), words=_checked_phrases(body))
    repository.add(session, [group])
    idempotency.record(session, 201, str(group.id))
    bump_config(session)
    return group


def update_group(session: Session, group: SynonymGroup, wanted: SynonymsWrite) -> None:
    """Replace the words of a locked group."""
    repository.update_words(session, group, _checked_phrases(wanted))
    bump_config(session)


def delete_group(session: Session, group: SynonymGroup) -> None:
    """Delete a locked group."""
    repository.delete(session, group)
    bump_config(session)


def load_synonyms_file(session: Session, path: Path) -> None:
    """Create the groups of a file that no existing group covers; do nothing without a file."""
    if path.exists():
        lists_of_words = orjson.loads(path.read_bytes())
        create_groups(session, [SynonymsWrite(words=words) for words in lists_of_words])


def create_groups(session: Session, groups: Sequence[SynonymsWrite]) -> None:
    """Create the groups that no existing group covers."""
    existing = [
        set(synonyms_from_groups([group.words])) for group in repository.all_groups(session)
    ]
    new = [
        _checked_phrases(group)
        for group in groups
        if not any(set(synonyms_from_groups([group.words])) <= phrases for phrases in existing)
    ]
    repository.add(
        session, [SynonymGroup(id=time_and_random.uuid7(), words=words) for words in new]
    )
    if new:
        bump_config(session)


def _checked_phrases(wanted: SynonymsWrite) -> list[str]:
    phrases = distinct_phrases(wanted.words)
    if len(phrases) < 2:
        detail = "A group needs at least two phrases with different words."
        raise invalid(FieldError("invalid_value", detail, pointer="/words"))
    return phrases
