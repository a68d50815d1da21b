"""Options in a CSV: a column for each text and each feedback, and letters for the keys.

The columns are option_a to option_j, feedback_a to feedback_j, and `correct`, such as `A|C`.
"""

from collections.abc import Sequence

from app.kinds.options import LETTERS
from app.transfer.formats.csv_cells import cell_text
from app.transfer.formats.rows import Fault, Values, excerpt

FEEDBACK_COLUMNS = tuple(f"feedback_{letter}" for letter in LETTERS)
OPTION_COLUMNS = frozenset(
    {*(f"option_{letter}" for letter in LETTERS), *FEEDBACK_COLUMNS, "correct"}
)


def option_cells(options: Sequence[Values]) -> dict[str, str]:
    """Return the cells of options, by column."""
    cells = {}
    keys = []
    for letter, option in zip(LETTERS, options, strict=False):
        cells[f"option_{letter}"] = option["text"]
        cells[f"feedback_{letter}"] = cell_text(option.get("feedback"))
        if option["key"]:
            keys.append(letter.upper())
    cells["correct"] = "|".join(keys)
    return cells


def read_options(
    values: Values, kind: str, existing: Sequence[Values]
) -> tuple[list[Values] | None, list[Fault]]:
    """Return the options of a row and the faults in its cells; None if it has no such column.

    `existing` are the options of the question that the row matches. An option keeps its id, key
    and feedback if its text did not change, or if it has the same letter.
    """
    if not OPTION_COLUMNS & values.keys():
        return None, []
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
        Fault(
            name, "invalid_value", excerpt(cell), f"There is no option_{name[-1]}; empty the cell."
        )
        for name in FEEDBACK_COLUMNS
        if (cell := values.get(name)) and name[-1] not in texts
    ]
    return options, faults


def _origins(texts: dict[str, str], before: dict[str, Values]) -> dict[str, Values]:
    """Return what each letter's option was before: by its text, else by its letter, else {}."""
    unused = dict(before)
    origins: dict[str, Values] = {}
    for letter, text in texts.items():
        candidates = [letter, *unused]
        match = next(
            (key for key in candidates if key in unused and unused[key]["text"] == text), None
        )
        if match is not None:
            origins[letter] = unused.pop(match)
    for letter in texts:
        if letter not in origins:
            origins[letter] = unused.pop(letter, {})
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
        faults.append(Fault("correct", "invalid_value", excerpt(cell), hint))
    return set(letters), faults


def _letters_hint(texts: dict[str, str]) -> str:
    names = [letter.upper() for letter in texts]
    if not names:
        return "Fill option_a, option_b …, then name the letter of the key."
    is_range = len(names) > 2 and texts.keys() == set(LETTERS[: len(names)])
    listed = f"{names[0]} to {names[-1]}" if is_range else " and ".join(names)
    return f"The options are {listed}; name the letter of each key, joined by |."
