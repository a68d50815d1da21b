"""Turns the cells of a CSV row into a merge patch: an absent column keeps, an empty cell clears."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from app.published.facets import CONTENT_FACETS
from app.transfer.formats.csv_cells import LETTERS, split, split_names
from app.transfer.formats.rows import Fault, Values, shown

CHOICE_KINDS = frozenset({"single_choice", "multiple_choice"})
KINDS = CHOICE_KINDS | {"true_false", "short_text", "numeric"}

_OPTION_COLUMNS = tuple(f"option_{letter}" for letter in LETTERS)
_FEEDBACK_COLUMNS = tuple(f"feedback_{letter}" for letter in LETTERS)
_CHOICE_COLUMNS = frozenset({*_OPTION_COLUMNS, *_FEEDBACK_COLUMNS, "correct"})
_KIND_COLUMNS: dict[str, frozenset[str]] = {
    "single_choice": _CHOICE_COLUMNS,
    "multiple_choice": _CHOICE_COLUMNS,
    "true_false": frozenset({"correct"}),
    "short_text": frozenset({"accept", "match"}),
    "numeric": frozenset({"value", "tolerance", "tolerance_kind", "unit"}),
}
_ALL_KIND_COLUMNS = frozenset().union(*_KIND_COLUMNS.values())


class _BadCellError(ValueError):
    """A cell that cannot be read; the message says how to mend it."""


def row_patch(values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:
    """Return the patch in the native shape and what is wrong in the cells.

    `existing` is the content that the row matches: what the row's columns leave open comes from it.
    """
    kind = (existing or {}).get("kind") or values.get("kind", "").strip()
    if kind in KINDS:
        fitting = _KIND_COLUMNS[kind]
    elif kind in {"open", "code"}:
        hint = f"Questions of kind {kind} do not fit into CSV; send them as JSON Lines."
        return {}, [Fault("kind", "invalid_value", kind, hint)]
    else:
        # The content's own check names the kinds that exist.
        fitting = _ALL_KIND_COLUMNS
    faults = [
        Fault(name, "invalid_value", shown(cell), f"Empty the cell: {kind} has no such field.")
        for name, cell in values.items()
        if cell and name in _ALL_KIND_COLUMNS and name not in fitting
    ]
    patch: Values = {}
    for name, cell in values.items():
        if name in _SHARED:
            try:
                patch[name] = _SHARED[name](cell)
            except _BadCellError as error:
                faults.append(Fault(name, "invalid_value", shown(cell), str(error)))
    _add_source(patch, values)
    if kind in CHOICE_KINDS:
        faults += _add_options(patch, values, kind, (existing or {}).get("options") or [])
    elif kind == "true_false":
        faults += _add_truth(patch, values)
    elif kind in KINDS:
        _add_answer(patch, values, kind)
    return patch, faults


def _plain(cell: str) -> str | None:
    return cell.strip() or None


def _markdown(cell: str) -> str | None:
    return cell or None


def _number(cell: str) -> int | Decimal | None:
    text = cell.strip()
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() > 12:
        message = "Write a number such as 1 or 2.5."
        raise _BadCellError(message)
    return int(value) if value == value.to_integral_value() else value


_SHARED: dict[str, Callable[[str], Any]] = {
    "kind": _plain,
    "stem": _markdown,
    "explanation": _markdown,
    "hints": split,
    **{facet.column: split_names if facet.many else _plain for facet in CONTENT_FACETS},
    "points": _number,
    "time_seconds": _number,
    "family": _plain,
    "licence": _markdown,
}


def _add_source(patch: Values, values: Values) -> None:
    parts = {"title": "source", "url": "source_url"}
    given = {part: values[name] or None for part, name in parts.items() if name in values}
    if len(given) == len(parts) and not any(given.values()):
        patch["source"] = None
    elif given and any(given.values()):
        patch["source"] = given


def _add_answer(patch: Values, values: Values, kind: str) -> None:
    answer: Values = {}
    for name in _KIND_COLUMNS[kind] & values.keys():
        if name == "accept":
            answer[name] = split(values[name])
        elif name == "unit":
            patch[name] = values[name] or None
        else:
            answer[name] = values[name].strip() or None
    if answer:
        patch["answer"] = answer


def _add_truth(patch: Values, values: Values) -> list[Fault]:
    if "correct" not in values:
        return []
    cell = values["correct"].strip().lower()
    if cell in {"true", "false"}:
        patch["answer"] = {"value": cell == "true"}
        return []
    code = "unknown_value" if cell else "missing_value"
    return [Fault("correct", code, shown(values["correct"]), "Write true or false.")]


def _add_options(patch: Values, values: Values, kind: str, existing: list[Values]) -> list[Fault]:
    if not _CHOICE_COLUMNS & values.keys():
        return []
    before = dict(zip(LETTERS, existing, strict=False))
    texts = {
        letter: text
        for letter in LETTERS
        if (text := values.get(f"option_{letter}", before.get(letter, {}).get("text")))
    }
    origins = _origins(texts, before)
    if "correct" in values:
        keys, faults = _keys(values["correct"], texts, kind)
    else:
        keys = {letter for letter, origin in origins.items() if origin.get("key")}
        faults = [] if existing else [Fault("correct", "missing_value", None, _letters_hint(texts))]
    options = []
    for letter, text in texts.items():
        origin = origins[letter]
        feedback = values.get(f"feedback_{letter}", origin.get("feedback")) or None
        option = {"text": text, "key": letter in keys, "feedback": feedback}
        if origin.get("text") == text:
            option["id"] = origin["id"]
        options.append(option)
    faults += [
        Fault(name, "invalid_value", shown(cell), f"There is no option_{name[-1]}; empty the cell.")
        for name in _FEEDBACK_COLUMNS
        if (cell := values.get(name)) and name[-1] not in texts
    ]
    patch["options"] = options
    return faults


def _origins(texts: dict[str, str], before: dict[str, Values]) -> dict[str, Values]:
    """Return the option that each letter's option was: by its text, else by its letter."""
    free = dict(before)
    origins: dict[str, Values] = {}
    for letter, text in texts.items():
        same = [letter, *free]
        match = next((key for key in same if key in free and free[key]["text"] == text), None)
        if match is not None:
            origins[letter] = free.pop(match)
    for letter in texts:
        if letter not in origins:
            origins[letter] = free.pop(letter, {})
    return origins


def _keys(cell: str, texts: dict[str, str], kind: str) -> tuple[set[str], list[Fault]]:
    letters = [part.strip().lower() for part in cell.split("|") if part.strip()]
    hint = _letters_hint(texts)
    if not letters:
        return set(), [Fault("correct", "missing_value", None, hint)]
    faults = [
        Fault("correct", "unknown_value", letter.upper(), hint)
        for letter in letters
        if letter not in texts
    ]
    if kind == "single_choice" and len(letters) > 1:
        hint = "A single_choice question has one key; name one letter, or make it multiple_choice."
        faults.append(Fault("correct", "invalid_value", shown(cell), hint))
    return set(letters), faults


def _letters_hint(texts: dict[str, str]) -> str:
    names = [letter.upper() for letter in texts]
    if not names:
        return "Fill option_a, option_b …, then name the letter of the key."
    ranged = len(names) > 2 and texts.keys() == set(LETTERS[: len(names)])
    which = f"{names[0]} to {names[-1]}" if ranged else " and ".join(names)
    return f"The options are {which}; name the letter of each key, joined by |."
