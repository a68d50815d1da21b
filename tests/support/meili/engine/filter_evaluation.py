"""Evaluates filters: which documents of an index match."""

import json
from typing import Any

from pyroaring import BitMap

from tests.support.meili.engine import index_settings
from tests.support.meili.engine.filter_parser import (
    Condition,
    Filter,
    Group,
    Negation,
    parse_filter,
)
from tests.support.meili.engine.index import Index
from tests.support.meili.engine.postings import Facet, PostingLists
from tests.support.meili.engine.tokens import fold_facet
from tests.support.meili.errors import MeiliError

COMPARISONS = (">", ">=", "<", "<=", "TO")
_EMPTY_FACET = Facet()


class NotFilterableError(Exception):
    """The settings do not allow a filter on an attribute, or an operator on it."""

    def __init__(self, message: str, condition: Condition | None = None) -> None:
        super().__init__(message)
        self.condition = condition


def documents_matching(
    index: Index, value: Any, code: str, uid: str | None = None, *, normalise_message: bool = False
) -> BitMap:
    """Return the documents that match a filter; MeiliError if it is invalid.

    The messages of searches and tasks name the index `uid`. With `normalise_message` they also
    contain the expression with every name and value quoted.
    """
    parsed, text = parse_filter(value, code)
    if parsed is None:
        return index.all_documents
    try:
        return _matching(index, parsed)
    except NotFilterableError as error:
        message = str(error)
        if error.condition is not None:
            message += _location(parsed, error.condition, text, normalise=normalise_message)
        named = f"Index `{uid}`: {message}" if uid is not None else message
        raise MeiliError(code, named) from None


def _location(parsed: Filter, condition: Condition, text: str, normalise: bool) -> str:
    name = condition.attribute
    column = name.column
    if normalise:
        text = _normalised(parsed)
        column = text.index(json.dumps(name.text, ensure_ascii=False)) + 2
    return f"\n{column}:{column + len(name.text)} {text}"


def _normalised(parsed: Filter) -> str:
    """Return the expression with every name and value quoted."""
    if isinstance(parsed, Negation):
        return f"NOT ({_normalised(parsed.inner)})"
    if isinstance(parsed, Group):
        return f" {parsed.operator} ".join(f"({_normalised(part)})" for part in parsed.parts)
    name = json.dumps(parsed.attribute.text, ensure_ascii=False)
    values = [json.dumps(value, ensure_ascii=False) for value in parsed.values]
    if parsed.operator == "IN":
        return f"{name} IN [{', '.join(values)}]"
    if parsed.operator == "TO":
        return f"{name} {values[0]} TO {values[1]}"
    verb = {"NULL": "IS NULL", "EMPTY": "IS EMPTY"}.get(parsed.operator, parsed.operator)
    return " ".join([name, verb, *values])


def _matching(index: Index, parsed: Filter) -> BitMap:
    if isinstance(parsed, Negation):
        return index.all_documents - _matching(index, parsed.inner)
    if isinstance(parsed, Group):
        matching = [_matching(index, part) for part in parsed.parts]
        combine = BitMap.union if parsed.operator == "OR" else BitMap.intersection
        return combine(*matching)
    _check_allowed(index, parsed)
    facet = index.facets.get(parsed.attribute.text, _EMPTY_FACET)
    if parsed.operator == "!=":
        return index.all_documents - _equal(facet, parsed.values)
    return _matching_condition(facet, parsed.operator, parsed.values)


def _matching_condition(facet: Facet, operator: str, values: tuple[str, ...]) -> BitMap:
    if operator in ("EXISTS", "NULL", "EMPTY"):
        return facet.states.get(operator.lower())
    if operator in ("=", "IN"):
        return _equal(facet, values)
    if operator == "STARTS WITH":
        start = fold_facet(values[0])
        items = facet.strings.lists.items()
        return BitMap.union(BitMap(), *(found for key, found in items if key.startswith(start)))
    return _matching_comparison(facet, operator, values)


def _check_allowed(index: Index, condition: Condition) -> None:
    name = condition.attribute.text
    found = index_settings.features_of(index.settings, name)
    if found is None:
        patterns = sorted({p for p, _, _ in index_settings.filterable_patterns(index.settings)})
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
        raise NotFilterableError(_operator_message(condition, allowed, "comparison", rule))
    if condition.operator in ("=", "!=", "IN") and not allowed["equality"]:
        raise NotFilterableError(_operator_message(condition, allowed, "equality", rule))


def _operator_message(condition: Condition, allowed: dict[str, bool], kind: str, rule: int) -> str:
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


def _parse_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _equal(facet: Facet, values: tuple[str, ...]) -> BitMap:
    found = [facet.strings.get(fold_facet(value)) for value in values]
    numbers = (_parse_number(value) for value in values)
    found += [facet.numbers.get(number) for number in numbers if number is not None]
    return BitMap.union(BitMap(), *found)


def _matching_comparison(facet: Facet, operator: str, values: tuple[str, ...]) -> BitMap:
    numbers = [_parse_number(value) for value in values]
    found = BitMap()
    if None not in numbers:
        found |= _matching_keys(facet.numbers, operator, numbers)
    return found | _matching_keys(facet.strings, operator, [fold_facet(value) for value in values])


def _matching_keys(postings: PostingLists, operator: str, bounds: list[Any]) -> BitMap:
    low, high = bounds[0], bounds[-1]
    tests: dict[str, Any] = {
        ">": lambda key: key > low,
        ">=": lambda key: key >= low,
        "<": lambda key: key < low,
        "<=": lambda key: key <= low,
        "TO": lambda key: low <= key <= high,
    }
    test = tests[operator]
    return BitMap.union(BitMap(), *(found for key, found in postings.lists.items() if test(key)))
