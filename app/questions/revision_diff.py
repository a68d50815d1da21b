"""Pure: the differences of two revisions. Options are compared by id, other lists as a whole."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from app.questions.state import Values

_NOT_CONTENT = frozenset({"revision", "updated_at", "published_at"})


def differences(before: Values, after: Values) -> list[dict[str, Any]]:
    """Return the differences of two revision views, in the order of their fields."""
    names = [name for name in dict.fromkeys([*before, *after]) if name not in _NOT_CONTENT]
    found: list[dict[str, Any]] = []
    for name in names:
        old, new = before.get(name), after.get(name)
        if _are_items(old) and _are_items(new):
            found += _compare_items(name, old, new)
        else:
            found += _compare(f"/{_escape(name)}", old, new)
    return found


def _are_items(value: object) -> TypeGuard[list[Values]]:
    """Return whether a JSON value is a list of parts with ids, such as options."""
    if not isinstance(value, list):
        return False
    return all(isinstance(each, dict) and "id" in each for each in value)


def _compare_items(name: str, old: list[Values], new: list[Values]) -> Iterator[dict[str, Any]]:
    before = {item["id"]: item for item in old}
    after = {item["id"]: item for item in new}
    for key in dict.fromkeys([*before, *after]):
        yield from _compare(f"/{name}/{_escape(key)}", before.get(key), after.get(key))
    kept_before = [key for key in before if key in after]
    kept_after = [key for key in after if key in before]
    if kept_before != kept_after:
        yield {"pointer": f"/{name}", "before": list(before), "after": list(after)}


def _compare(pointer: str, old: object, new: object) -> Iterator[dict[str, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            yield from _compare(f"{pointer}/{_escape(name)}", old.get(name), new.get(name))
    elif old != new:
        yield {"pointer": pointer, "before": old, "after": new}


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
