"""Rows of files to import."""

import orjson


def question(name: str, **changes: object) -> dict[str, object]:
    return {
        "external_id": name,
        "kind": "single_choice",
        "stem": f"Which one is {name}?",
        "difficulty": "easy",
        "options": [
            {"text": "this one", "key": True, "feedback": "Indeed."},
            {"text": "that one", "key": False, "feedback": None},
            {"text": "neither of them", "key": False, "feedback": None},
        ],
        "explanation": "It says so.",
    } | changes


def lines(*rows: object) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)
