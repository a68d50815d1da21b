"""Examples of delivered questions and terms, for the OpenAPI document."""

from typing import Any

QUESTION_ID = "01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"
FIRST, SECOND = "k3v9q2mx", "p8d1w7ra"

QUESTION: dict[str, Any] = {
    "id": QUESTION_ID,
    "revision": 2,
    "bank": "ml-interviews",
    "kind": "single_choice",
    "stem": "Which ensemble trains each of its members on the errors of those before?",
    "hints": ["Think of what the next member sees."],
    "categories": ["ensembles"],
    "companies": ["amazon"],
    "evidence": {
        "amazon": {"source": "outline", "first_seen": None, "last_seen": None, "times_seen": None}
    },
    "tags": ["ml-engineer"],
    "difficulty": "easy",
    "levels": ["fresher"],
    "language": "en",
    "points": 1,
    "time_seconds": 60,
    "media": [],
    "source": None,
    "licence": "CC-BY-4.0",
    "published_at": "2026-11-25T09:30:00Z",
    "updated_at": "2026-11-26T14:05:10Z",
    "options": [{"id": FIRST, "text": "Bagging"}, {"id": SECOND, "text": "Boosting"}],
}

PAGE: dict[str, Any] = {"items": [QUESTION], "total": 1, "next_cursor": None}
FACETS: dict[str, Any] = {
    "total": 1,
    "facets": {
        "category": [{"slug": "ensembles", "name": "Ensembles", "count": 1}],
        "company": [{"slug": "amazon", "name": "Amazon", "count": 1}],
        "tag": [{"slug": "ml-engineer", "name": "ML engineer", "count": 1}],
        "difficulty": [{"slug": "easy", "name": "Easy", "count": 1}],
        "level": [{"slug": "fresher", "name": "Fresher", "count": 1}],
        "kind": [{"slug": "single_choice", "name": "Single choice", "count": 1}],
        "language": [{"slug": "en", "name": "en", "count": 1}],
    },
}
CHANGES: dict[str, Any] = {
    "items": [QUESTION],
    "deleted": ["01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e60"],
    "mark": "q0hN2bS7m1s",
    "more": False,
}
_TERM = {"description": "", "aliases": [], "count": 1}
CATEGORY = {"slug": "ensembles", "name": "Ensembles", "parent": "machine-learning"} | _TERM
COMPANY = {"slug": "amazon", "name": "Amazon"} | _TERM
TAG = {"slug": "ml-engineer", "name": "ML engineer", "group": "role"} | _TERM
BANK = {"slug": "ml-interviews", "name": "ML interviews"} | _TERM
