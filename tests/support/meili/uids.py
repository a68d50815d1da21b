"""Uids of indexes: what they may hold, and the patterns by which keys name them."""

from typing import Any

from tests.support.meili import shape
from tests.support.meili.errors import MeiliError


def _good(text: str) -> bool:
    return 0 < len(text) <= 400 and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)


def _trouble(text: str) -> str:
    return (
        f"`{text}` is not a valid index uid. Index uid can be an integer or a string containing "
        "only alphanumeric characters, hyphens (-) and underscores (_), and can not be more than "
        "512 bytes."
    )


def index_uid(value: Any, at: str) -> str:
    """Check a uid in a body."""
    text = shape.string(value, at)
    if not _good(text):
        shape.wrong_value(at, _trouble(text))
    return text


def index_pattern(value: Any, at: str) -> str:
    """Check a uid, or a prefix of uids that ends in `*`."""
    text = shape.string(value, at)
    if text != "*" and not _good(text.removesuffix("*")):
        shape.wrong_value(at, _trouble(text))
    return text


def check_path(text: str) -> str:
    """Check a uid in a path."""
    if not _good(text):
        raise MeiliError("invalid_index_uid", _trouble(text))
    return text


def covers(patterns: list[str], uid: str) -> bool:
    return any(
        uid == pattern or (pattern.endswith("*") and uid.startswith(pattern[:-1]))
        for pattern in patterns
    )
