"""Applies a batch of tasks of one index to a draft of that index."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.meili.engine.filter_evaluation import documents_matching
from tests.support.meili.engine.index import Index
from tests.support.meili.errors import MeiliError, index_not_found
from tests.support.meili.tasks import documents
from tests.support.meili.tasks.task import Task
from tests.support.meili.times import now_ns


@dataclass(frozen=True, slots=True)
class Addition:
    """The documents of a task.

    `merge`: keep the other fields of existing documents. `create`: add documents with new ids.
    """

    documents: list[dict[str, Any]]
    primary_key: str | None
    merge: bool
    create: bool


@dataclass
class BatchResult:
    """The result of a batch: the new index (None if deleted), and errors and details by task uid.

    `new_uid` is set when the index was renamed.
    """

    uid: str
    index: Index | None
    errors: dict[int, MeiliError] = field(default_factory=dict)
    details: dict[int, dict[str, Any]] = field(default_factory=dict)
    new_uid: str | None = None


def apply_tasks(
    uid: str, index: Index | None, tasks: list[Task], existing_uids: set[str]
) -> BatchResult:
    """Apply tasks in order; a task that fails does not change the draft.

    `existing_uids` are the uids of all indexes.
    """
    result = BatchResult(uid, index)
    if tasks[0].kind == "indexCreation":
        _create_index(result, tasks[0])
        return result
    if index is None and not tasks[0].create:
        result.errors = {task.uid: index_not_found(uid) for task in tasks}
        return result
    draft = index.draft() if index else Index(None)
    result.index = draft
    for task in tasks:
        try:
            changed = HANDLERS[task.kind](result, draft, task, existing_uids)
        except MeiliError as error:
            result.errors[task.uid] = error
        else:
            draft.updated_at = now_ns() if changed else draft.updated_at
    return result


def _create_index(result: BatchResult, task: Task) -> None:
    if result.index is not None:
        message = f"Index `{result.uid}` already exists."
        result.errors[task.uid] = MeiliError("index_already_exists", message)
    else:
        result.index = Index(task.content)
        result.index.updated_at = now_ns()


def _add_documents(result: BatchResult, draft: Index, task: Task, existing_uids: set[str]) -> bool:
    content: Addition = task.content
    if content.documents:
        first = content.documents[0]
        key = documents.choose_primary_key(result.uid, draft, content.primary_key, first)
        pairs = documents.with_ids(content.documents, key)
        draft.primary_key = key
    else:
        pairs = []
    count = documents.write_documents(draft, pairs, content.merge, content.create)
    result.details[task.uid] = {"indexedDocuments": count}
    return True


def _delete_documents(
    result: BatchResult, draft: Index, task: Task, existing_uids: set[str]
) -> bool:
    if task.content == "all":
        count = draft.clear()
    elif isinstance(task.content, dict):
        matching = documents_matching(
            draft, task.content["filter"], "invalid_document_filter", result.uid
        )
        ids = [document_id for document_id, number in draft.numbers.items() if number in matching]
        count = sum(draft.remove(document_id) for document_id in ids)
    else:
        count = sum(draft.remove(document_id) for document_id in task.content)
    result.details[task.uid] = {"deletedDocuments": count}
    return count > 0


def _change_settings(
    result: BatchResult, draft: Index, task: Task, existing_uids: set[str]
) -> bool:
    draft.change_settings(task.content)
    return True


def _update_index(result: BatchResult, draft: Index, task: Task, existing_uids: set[str]) -> bool:
    key, name = task.content["primaryKey"], task.content["uid"]
    if key is not None and draft.primary_key not in (None, key) and draft.stored:
        message = f"Index `{result.uid}`: Index already has a primary key: `{draft.primary_key}`."
        raise MeiliError("index_primary_key_already_exists", message)
    if name is not None and name in existing_uids:
        raise MeiliError("index_already_exists", f"Index `{name}` already exists.")
    draft.primary_key = key or draft.primary_key
    result.new_uid = name
    return True


def _delete_index(result: BatchResult, draft: Index, task: Task, existing_uids: set[str]) -> bool:
    result.details[task.uid] = {"deletedDocuments": len(draft.stored)}
    result.index = None
    return False


HANDLERS: dict[str, Callable[[BatchResult, Index, Task, set[str]], bool]] = {
    "documentAdditionOrUpdate": _add_documents,
    "documentDeletion": _delete_documents,
    "settingsUpdate": _change_settings,
    "indexUpdate": _update_index,
    "indexDeletion": _delete_index,
}
