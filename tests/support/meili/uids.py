"""Valid uids of indexes, and the patterns with which keys name them."""

from typing import Any

from tests.support.meili import validation
from tests.support.meili.errors import MeiliError


def _is_valid(text: str) -> bool:
    return 0 < len(text) <= 400 and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)


def _message(text: str) -> str:
    return (
        f"`{text}` is not a valid index uid. Index uid can be an integer or a string containing "
        "only alphanumeric characters, hyphens (-) and underscores (_), and can not be more than "
        "512 bytes."
    )


def index_uid(value: Any, at: str) -> str:
    """Check a uid in a request body."""
    text = validation.string(value, at)
    if not _is_valid(text):
        validation.invalid_value(at, _message(text))
    return text


def index_pattern(value: Any, at: str) -> str:
    """Check a uid, or a prefix of uids followed by `*`."""
    text = validation.string(value, at)
    if text != "*" and not _is_valid(text.removesuffix("*")):
        validation.invalid_value(at, _message(text))
    return text


def check_path_uid(text: str) -> str:
    """Check a uid in a URL path."""
    if not _is_valid(text):
        raise MeiliError("invalid_index_uid", _message(text))
    return text


def matches_any(patterns: list[str], uid: str) -> bool:
    return any(
        uid == pattern or (pattern.endswith("*") and uid.startswith(pattern[:-1]))
        for pattern in patterns
    )
