"""Rows of files to import."""

import orjson


def question_row(external_id: str, **changes: object) -> dict[str, object]:
    """Return a valid row with `changes` applied."""
    return {
        "external_id": external_id,
        "kind": "single_choice",
        "stem": f"Which one is {external_id}?",
        "difficulty": "easy",
        "options": [
            {"text": "this one", "key": True, "feedback": "Indeed."},
            {"text": "that one", "key": False, "feedback": None},
            {"text": "neither of them", "key": False, "feedback": None},
        ],
        "explanation": "It says so.",
    } | changes


def json_lines(*rows: object) -> bytes:
    """Return rows as a file in JSON Lines."""
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def numbered_lines(count: int, **changes: object) -> bytes:
    """Return a file of `count` rows with the external ids q0, q1, …"""
    return json_lines(*(question_row(f"q{number}", **changes) for number in range(count)))
