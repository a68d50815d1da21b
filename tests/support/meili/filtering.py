"""Which documents of an index a filter leaves."""

import json
from typing import Any

from pyroaring import BitMap

from tests.support.meili import settings as setting
from tests.support.meili.errors import MeiliError
from tests.support.meili.filters import Condition, Filter, Group, Negation, parse_any
from tests.support.meili.index import Index
from tests.support.meili.postings import Facet, Sets
from tests.support.meili.tokens import fold_facet

COMPARISONS = (">", ">=", "<", "<=", "TO")
_NOTHING = Facet()


class NotFilterableError(Exception):
    """An attribute, or an operator on it, that the settings do not allow."""

    def __init__(self, message: str, condition: Condition | None = None) -> None:
        super().__init__(message)
        self.condition = condition


def filtered(
    index: Index, value: Any, code: str, uid: str | None = None, *, anew: bool = False
) -> BitMap:
    """Return the documents that a filter leaves.

    Searches and tasks name the index when they refuse; searches also write the expression anew.
    """
    parsed, text = parse_any(value, code)
    if parsed is None:
        return index.everything
    try:
        return _holding(index, parsed)
    except NotFilterableError as error:
        message = str(error)
        if error.condition is not None:
            message += _place(parsed, error.condition, text, anew=anew)
        named = f"Index `{uid}`: {message}" if uid is not None else message
        raise MeiliError(code, named) from None


def _place(parsed: Filter, condition: Condition, text: str, anew: bool) -> str:
    name = condition.attribute
    column = name.column
    if anew:
        text = written(parsed)
        column = text.index(json.dumps(name.text, ensure_ascii=False)) + 2
    return f"\n{column}:{column + len(name.text)} {text}"


def written(parsed: Filter) -> str:
    """Return the expression with every name and value quoted."""
    if isinstance(parsed, Negation):
        return f"NOT ({written(parsed.inner)})"
    if isinstance(parsed, Group):
        return f" {parsed.word} ".join(f"({written(part)})" for part in parsed.parts)
    name = json.dumps(parsed.attribute.text, ensure_ascii=False)
    values = [json.dumps(value, ensure_ascii=False) for value in parsed.values]
    if parsed.operator == "IN":
        return f"{name} IN [{', '.join(values)}]"
    if parsed.operator == "TO":
        return f"{name} {values[0]} TO {values[1]}"
    verb = {"NULL": "IS NULL", "EMPTY": "IS EMPTY"}.get(parsed.operator, parsed.operator)
    return " ".join([name, verb, *values])


def _holding(index: Index, parsed: Filter) -> BitMap:
    if isinstance(parsed, Negation):
        return index.everything - _holding(index, parsed.inner)
    if isinstance(parsed, Group):
        held = [_holding(index, part) for part in parsed.parts]
        return BitMap.union(*held) if parsed.word == "OR" else BitMap.intersection(*held)
    _check_allowed(index, parsed)
    facet = index.facets.get(parsed.attribute.text, _NOTHING)
    if parsed.operator == "!=":
        return index.everything - _equal(facet, parsed.values)
    return _meeting(facet, parsed.operator, parsed.values)


def _meeting(facet: Facet, operator: str, values: tuple[str, ...]) -> BitMap:
    if operator in ("EXISTS", "NULL", "EMPTY"):
        return facet.marks.get(operator.lower())
    if operator in ("=", "IN"):
        return _equal(facet, values)
    if operator == "STARTS WITH":
        start = fold_facet(values[0])
        sets = facet.strings.maps.items()
        return BitMap.union(BitMap(), *(held for key, held in sets if key.startswith(start)))
    return _within(facet, operator, values)


def _check_allowed(index: Index, condition: Condition) -> None:
    name = condition.attribute.text
    found = setting.features_of(index.settings, name)
    if found is None:
        patterns = sorted({p for p, _, _ in setting.filterable_patterns(index.settings)})
        listed = ", ".join(f"`{pattern}`" for pattern in patterns)
        known = (
            f"Available filterable attribute patterns are: {listed}."
            if patterns
            else "This index does not have configured filterable attributes."
        )
        raise NotFilterableError(f"Attribute `{name}` is not filterable. {known}", condition)
    features, rule = found
    allowed = features["filter"]
    if condition.operator in COMPARISONS and not allowed["comparison"]:
        raise NotFilterableError(_refusal(condition, allowed, "comparison", rule))
    if condition.operator in ("=", "!=", "IN") and not allowed["equality"]:
        raise NotFilterableError(_refusal(condition, allowed, "equality", rule))


def _refusal(condition: Condition, allowed: dict[str, bool], kind: str, rule: int) -> str:
    name = condition.attribute.text
    operators = ["OR", "AND", "NOT"]
    operators += ["=", "!=", "IN"] if allowed["equality"] else []
    operators += ["<", ">", "<=", ">=", "TO"] if allowed["comparison"] else []
    operators += ["IS EMPTY", "IS NULL", "EXISTS"]
    return (
        f"Filter operator `{condition.operator}` is not allowed for the attribute `{name}`.\n"
        f"  - Note: allowed operators: {', '.join(operators)}.\n"
        f"  - Note: field `{name}` matched rule #{rule} in `filterableAttributes`\n"
        f"  - Hint: enable {kind} in rule #{rule} by modifying the features.filter object\n"
        f"  - Hint: prepend another rule matching `{name}` with appropriate filter features "
        f"before rule #{rule}"
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _equal(facet: Facet, values: tuple[str, ...]) -> BitMap:
    found = [facet.strings.get(fold_facet(value)) for value in values]
    numbers = (_number(value) for value in values)
    found += [facet.numbers.get(number) for number in numbers if number is not None]
    return BitMap.union(BitMap(), *found)


def _within(facet: Facet, operator: str, values: tuple[str, ...]) -> BitMap:
    numbers = [_number(value) for value in values]
    found = BitMap()
    if None not in numbers:
        found |= _between(facet.numbers, operator, numbers)
    return found | _between(facet.strings, operator, [fold_facet(value) for value in values])


def _between(sets: Sets, operator: str, bounds: list[Any]) -> BitMap:
    low, high = bounds[0], bounds[-1]
    tests: dict[str, Any] = {
        ">": lambda key: key > low,
        ">=": lambda key: key >= low,
        "<": lambda key: key < low,
        "<=": lambda key: key <= low,
        "TO": lambda key: low <= key <= high,
    }
    test = tests[operator]
    return BitMap.union(BitMap(), *(found for key, found in sets.maps.items() if test(key)))
