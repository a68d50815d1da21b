"""The content of each kind: what is valid, what is public, and what belongs to the answer."""

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.field_errors import field_errors
from app.kinds import (
    KINDS,
    MODELS,
    answer_part,
    content_values,
    give_item_ids,
    parse_content,
    public_part,
)
from tests.questions.examples import BODIES, OPTIONS

PUBLIC = {
    "single_choice": {"options"},
    "multiple_choice": {"options"},
    "true_false": set(),
    "short_text": set(),
    "numeric": {"unit"},
    "open": set(),
    "code": {"programming_language", "starter"},
}

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    lambda text: bool(text.strip())
)
OPTION = st.fixed_dictionaries(
    {"text": TEXT, "key": st.booleans()}, optional={"feedback": st.none() | TEXT}
)


def body(kind: str, **changes: Any) -> dict[str, Any]:
    return deepcopy(BODIES[kind]) | {"language": "en"} | changes


def errors(values: dict[str, Any]) -> list[tuple[str, str | None]]:
    with pytest.raises(ValidationError) as caught:
        parse_content(values)
    found = field_errors(caught.value.errors(), values)
    return [(error.code, error.pointer) for error in found]


@pytest.mark.parametrize("kind", KINDS)
def test_content_is_the_same_after_storage(kind: str) -> None:
    content = parse_content(body(kind))
    give_item_ids([content])
    values = orjson.loads(orjson.dumps(content_values(content)))
    assert parse_content(values) == content
    assert content_values(parse_content(values)) == values
    assert content.model_dump(mode="json") == values


@given(
    st.lists(OPTION, min_size=2, max_size=10, unique_by=lambda option: str(option["text"]).strip()),
    st.decimals(0, 100, places=4),
    st.lists(TEXT, max_size=3),
)
def test_any_choice_is_the_same_after_storage(
    options: list[dict[str, Any]], points: Decimal, hints: list[str]
) -> None:
    options[0]["key"] = True
    content = parse_content(body("multiple_choice", options=options, points=points, hints=hints))
    give_item_ids([content])
    values = orjson.loads(orjson.dumps(content_values(content)))
    assert parse_content(values) == content
    assert [option["text"] for option in values["options"]] == [
        option["text"] for option in options
    ]
    ids = {option["id"] for option in values["options"]}
    assert len(ids) == len(options)
    assert all(0 < len(option_id) <= 32 for option_id in ids)


@pytest.mark.parametrize("kind", KINDS)
def test_the_public_part_contains_no_answer(kind: str) -> None:
    content = parse_content(body(kind, explanation="secret words"))
    give_item_ids([content])
    public = public_part(content)
    assert public.keys() == PUBLIC[kind]
    text = json.dumps(public)
    assert "secret" not in text
    assert "key" not in text
    assert "feedback" not in text
    part = answer_part(content)
    assert part.keys() == {"answer", "explanation", "feedback"}
    assert part["explanation"] == "secret words"


def test_answer_and_feedback_of_a_choice_name_options_by_id() -> None:
    content = parse_content(body("single_choice"))
    give_item_ids([content])
    options = content_values(content)["options"]
    part = answer_part(content)
    assert part["answer"] == {"options": [options[0]["id"]]}
    assert part["feedback"] == {options[0]["id"]: "It is."}


def test_existing_option_ids_are_not_replaced() -> None:
    content = parse_content(
        body("single_choice", options=[{**OPTIONS[0], "id": "kept"}, *OPTIONS[1:]])
    )
    give_item_ids([content])
    ids = [option["id"] for option in content_values(content)["options"]]
    assert ids[0] == "kept"
    give_item_ids([content])
    assert [option["id"] for option in content_values(content)["options"]] == ids


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("single_choice", {"options": [*OPTIONS, {"text": "Io", "key": True}]}, "/options"),
        ("single_choice", {"options": OPTIONS[1:]}, "/options"),
        ("single_choice", {"options": OPTIONS[:1]}, "/options"),
        ("single_choice", {"options": [*OPTIONS, {"text": " Venus ", "key": False}]}, "/options"),
        ("multiple_choice", {"options": OPTIONS[1:]}, "/options"),
        ("true_false", {"answer": {"value": "true"}}, "/answer/value"),
        ("true_false", {"answer": {"value": 1}}, "/answer/value"),
        ("short_text", {"answer": {"accept": []}}, "/answer/accept"),
        ("short_text", {"answer": {"accept": [" "]}}, "/answer/accept/0"),
        ("numeric", {"answer": {"value": "x"}}, "/answer/value"),
        ("numeric", {"answer": {"value": "1", "tolerance": "-1"}}, "/answer/tolerance"),
        ("open", {"answer": {"model": ""}}, "/answer/model"),
        ("code", {"programming_language": "C plus"}, "/programming_language"),
        ("true_false", {"stem": "  "}, "/stem"),
        ("true_false", {"tags": ["a", "a"]}, "/tags"),
        ("true_false", {"tags": ["No Slug"]}, "/tags/0"),
        ("true_false", {"categories": ["01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"]}, "/categories/0"),
        ("true_false", {"evidence": {"acme": {}}}, "/evidence"),
        ("true_false", {"source": {}}, "/source"),
        ("true_false", {"source": {"url": "javascript:alert(1)"}}, "/source/url"),
        ("true_false", {"source": {"url": "https://"}}, "/source/url"),
        ("true_false", {"source": {"url": "ftp://example.org/x"}}, "/source/url"),
        ("true_false", {"source": {"url": "https://example.org/a b"}}, "/source/url"),
        ("true_false", {"media": [{"url": "data:text/html,x"}]}, "/media/0/url"),
        ("true_false", {"review_by": "2026-02-30"}, "/review_by"),
        ("true_false", {"points": "1"}, "/points"),
        ("true_false", {"points": 1.00001}, "/points"),
        ("true_false", {"time_seconds": 0}, "/time_seconds"),
        ("true_false", {"time_seconds": 1.5}, "/time_seconds"),
        ("true_false", {"language": "English"}, "/language"),
        (
            "true_false",
            {
                "companies": ["acme"],
                "evidence": {"acme": {"first_seen": "2026-02-01", "last_seen": "2026-01-01"}},
            },
            "/evidence/acme",
        ),
    ],
)
def test_an_error_names_the_pointer_of_the_invalid_value(
    kind: str, changes: dict[str, Any], expected: str
) -> None:
    assert errors(body(kind, **changes)) == [("invalid_value", expected)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"colour": "red"}, ("unknown_field", "/colour")),
        ({"answer": {"value": True, "why": "x"}}, ("unknown_field", "/answer/why")),
        ({"difficulty": "tricky"}, ("unknown_value", "/difficulty")),
        ({"levels": ["boss"]}, ("unknown_value", "/levels/0")),
        ({"kind": "riddle"}, ("unknown_value", "/kind")),
        ({"kind": None}, ("missing_value", "/kind")),
    ],
)
def test_unknown_fields_and_values_are_errors(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert errors(body("true_false") | changes) == [expected]


def test_tex_and_markup_are_stored_unchanged() -> None:
    stem = "If $x^2 = 4$, then\n\n```python\nx < 3 & y\n```\n\n<script>alert(1)</script>"
    assert content_values(parse_content(body("true_false", stem=stem)))["stem"] == stem


def _unlimited(schema: Any, path: str = "") -> list[str]:
    """Return the paths of strings, arrays and objects without a maximal length in a schema."""
    found = []
    if isinstance(schema, dict):
        schema_type = schema.get("type")
        if schema_type == "string" and not schema.keys() & {"maxLength", "enum", "const"}:
            found.append(path)
        if schema_type == "array" and "maxItems" not in schema:
            found.append(path)
        if schema_type == "object" and "properties" not in schema and "maxProperties" not in schema:
            found.append(path)
        for name, part in schema.items():
            found += _unlimited(part, f"{path}/{name}")
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            found += _unlimited(part, f"{path}/{index}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_shows_a_limit_for_every_length_and_count(kind: str) -> None:
    assert _unlimited(MODELS[kind].model_json_schema()) == []
