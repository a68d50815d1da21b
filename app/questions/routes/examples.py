"""The examples of the editing routes in OpenAPI: one question and what becomes of it."""

from typing import Any

QUESTION_ID = "01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"
ETAG = "5f0c1d9a2b7e4c6d8a3f1e0b"
NEXT_ETAG = "a41f6b0c9d2e7385c1f0d4b6"

_TRUE_FALSE: dict[str, Any] = {
    "bank": "machine-learning",
    "kind": "true_false",
    "stem": "Bagging trains its models independently of each other.",
    "difficulty": "easy",
    "categories": ["ensembles"],
    "answer": {"value": True},
    "explanation": "Each model sees a bootstrap sample of its own; none waits for another.",
}
_SINGLE_CHOICE: dict[str, Any] = {
    "bank": "machine-learning",
    "external_id": "ensembles-7",
    "kind": "single_choice",
    "stem": "What does a random forest average over?",
    "difficulty": "medium",
    "categories": ["ensembles"],
    "levels": ["fresher"],
    "options": [
        {"text": "Decision trees", "key": True},
        {"text": "Learning rates", "key": False, "feedback": "A forest has none."},
        {"text": "Class labels", "key": False},
    ],
}
CREATE = [_SINGLE_CHOICE, _TRUE_FALSE]
PATCH: dict[str, Any] = {"difficulty": "medium", "hints": ["Think of the bootstrap."]}
PUBLISH: dict[str, Any] = {"revision": 1}
BATCH: dict[str, Any] = {
    "items": [
        {"op": "create", "question": _TRUE_FALSE, "publish": True},
        {"op": "update", "id": QUESTION_ID, "etag": ETAG, "question": PATCH},
    ]
}
MERGE = {"into": "ensembles"}

VIEW: dict[str, Any] = {
    "id": QUESTION_ID,
    "revision": 1,
    "bank": "machine-learning",
    "kind": "true_false",
    "stem": _TRUE_FALSE["stem"],
    "hints": [],
    "categories": ["ensembles"],
    "companies": [],
    "evidence": {},
    "tags": [],
    "difficulty": "easy",
    "levels": [],
    "language": "en",
    "points": 1,
    "time_seconds": None,
    "media": [],
    "source": None,
    "licence": None,
    "published_at": "2026-11-25T09:30:00.000Z",
    "updated_at": "2026-11-25T09:30:00.000Z",
    "family": None,
    "translation_group": None,
    "review_by": None,
    "answer": {"value": True},
    "explanation": _TRUE_FALSE["explanation"],
    "external_id": None,
    "state": "published",
    "published_revision": 1,
    "unpublished_changes": False,
    "etag": ETAG,
}
PATCHED: dict[str, Any] = (
    VIEW
    | PATCH
    | {
        "revision": 2,
        "updated_at": "2026-11-25T10:00:00.000Z",
        "unpublished_changes": True,
        "etag": NEXT_ETAG,
    }
)
MOVED: dict[str, dict[str, Any]] = {
    action: VIEW | {"state": state, "published_revision": None, "etag": NEXT_ETAG}
    for action, state in (("withdraw", "draft"), ("archive", "archived"), ("restore", "draft"))
}
LIST: dict[str, Any] = {"items": [VIEW], "total": 1, "next_cursor": None}
BATCHED: dict[str, Any] = {
    "items": [
        {"index": 0, "status": 201, "id": QUESTION_ID, "etag": ETAG},
        {
            "index": 1,
            "status": 412,
            "id": QUESTION_ID,
            "etag": None,
            "problem": {
                "type": "/docs/errors#revision_stale",
                "title": "It was changed meanwhile",
                "status": 412,
                "code": "revision_stale",
                "detail": "The question has changed since that etag was sent.",
                "request_id": "5f2a0c9e1b7d4a36",
                "errors": [],
                "context": {"revision": 3},
            },
        },
    ]
}
REVISION: dict[str, Any] = {
    "revision": 1,
    "created_at": "2026-11-25T09:30:00.000Z",
    "by": "01983a5e-0000-7000-8000-000000000001",
    "note": "from the spring workshop",
}
REVISIONS: dict[str, Any] = {"items": [REVISION], "total": 1, "next_cursor": None}
_STATE = ("external_id", "state", "published_revision", "unpublished_changes", "etag")
REVISION_DETAIL: dict[str, Any] = REVISION | {
    "question": {name: value for name, value in VIEW.items() if name not in _STATE}
}
DIFF: dict[str, Any] = {
    "from": 1,
    "to": 2,
    "changes": [
        {"pointer": "/difficulty", "before": "easy", "after": "medium"},
        {"pointer": "/hints", "before": [], "after": ["Think of the bootstrap."]},
    ],
}
MERGED = {"slug": "ensemble-methods", "into": "ensembles", "questions": 12}
