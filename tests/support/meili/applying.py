"""What a batch of tasks of one index does to a draft of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.meili import documents
from tests.support.meili.errors import MeiliError, index_not_found
from tests.support.meili.filtering import filtered
from tests.support.meili.index import Index
from tests.support.meili.moments import now
from tests.support.meili.tasks import Task


@dataclass(frozen=True, slots=True)
class Addition:
    """Documents to be added, replaced or merged."""

    documents: list[dict[str, Any]]
    primary_key: str | None
    merge: bool
    create: bool


@dataclass
class Outcome:
    """What became of a batch: the index as it is then, and the error of each task."""

    uid: str
    index: Index | None
    errors: dict[int, MeiliError] = field(default_factory=dict)
    details: dict[int, dict[str, Any]] = field(default_factory=dict)
    renamed: str | None = None


def apply_tasks(uid: str, index: Index | None, tasks: list[Task], taken: set[str]) -> Outcome:
    """Apply tasks in order; one that fails leaves the draft as it was before it.

    `taken` are the uids of all indexes.
    """
    outcome = Outcome(uid, index)
    if tasks[0].kind == "indexCreation":
        _create(outcome, tasks[0])
        return outcome
    if index is None and not tasks[0].create:
        outcome.errors = {task.uid: index_not_found(uid) for task in tasks}
        return outcome
    draft = index.draft() if index else Index(None)
    outcome.index = draft
    for task in tasks:
        try:
            changed = APPLIERS[task.kind](outcome, draft, task, taken)
        except MeiliError as error:
            outcome.errors[task.uid] = error
        else:
            draft.updated_at = now() if changed else draft.updated_at
    return outcome


def _create(outcome: Outcome, task: Task) -> None:
    if outcome.index is not None:
        message = f"Index `{outcome.uid}` already exists."
        outcome.errors[task.uid] = MeiliError("index_already_exists", message)
    else:
        outcome.index = Index(task.content)
        outcome.index.updated_at = now()


def _add(outcome: Outcome, draft: Index, task: Task, taken: set[str]) -> bool:
    content: Addition = task.content
    if content.documents:
        first = content.documents[0]
        key = documents.choose_primary_key(outcome.uid, draft, content.primary_key, first)
        pairs = documents.identified(content.documents, key)
        draft.primary_key = key
    else:
        pairs = []
    count = documents.write(draft, pairs, content.merge, content.create)
    outcome.details[task.uid] = {"indexedDocuments": count}
    return True


def _delete(outcome: Outcome, draft: Index, task: Task, taken: set[str]) -> bool:
    if task.content == "all":
        count = draft.clear()
    elif isinstance(task.content, dict):
        held = filtered(draft, task.content["filter"], "invalid_document_filter", outcome.uid)
        gone = [external for external, number in draft.numbers.items() if number in held]
        count = sum(draft.remove(external) for external in gone)
    else:
        count = sum(draft.remove(external) for external in task.content)
    outcome.details[task.uid] = {"deletedDocuments": count}
    return count > 0


def _settings(outcome: Outcome, draft: Index, task: Task, taken: set[str]) -> bool:
    draft.change_settings(task.content)
    return True


def _update(outcome: Outcome, draft: Index, task: Task, taken: set[str]) -> bool:
    key, name = task.content["primaryKey"], task.content["uid"]
    if key is not None and draft.primary_key not in (None, key) and draft.stored:
        message = f"Index `{outcome.uid}`: Index already has a primary key: `{draft.primary_key}`."
        raise MeiliError("index_primary_key_already_exists", message)
    if name is not None and name in taken:
        raise MeiliError("index_already_exists", f"Index `{name}` already exists.")
    draft.primary_key = key or draft.primary_key
    outcome.renamed = name
    return True


def _drop(outcome: Outcome, draft: Index, task: Task, taken: set[str]) -> bool:
    outcome.details[task.uid] = {"deletedDocuments": len(draft.stored)}
    outcome.index = None
    return False


APPLIERS: dict[str, Callable[[Outcome, Index, Task, set[str]], bool]] = {
    "documentAdditionOrUpdate": _add,
    "documentDeletion": _delete,
    "settingsUpdate": _settings,
    "indexUpdate": _update,
    "indexDeletion": _drop,
}
