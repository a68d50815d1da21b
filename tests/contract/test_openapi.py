"""The OpenAPI document is up to date, and every operation says what a client needs."""

import re
from typing import Any

import jsonschema
import pytest

from app.core.errors import PROBLEMS
from app.documentation import build, written
from app.main import create_framework

DOCUMENT: dict[str, Any] = build(create_framework())
EVERY: list[tuple[str, str, dict[str, Any]]] = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method.upper()} {path}")
    for path, method, operation in EVERY
]


def test_the_generated_files_are_committed_as_the_code_makes_them() -> None:
    for path, text in written(create_framework()).items():
        assert path.read_text() == text, f"{path.name}: run `make openapi`"


def test_operation_ids_are_function_names_and_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in EVERY]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in ids)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_each_operation_tells_its_scope_its_refusals_and_an_example(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert operation["x-scope"]
    assert operation["summary"]
    assert operation["description"]
    for status, response in operation["responses"].items():
        if status.startswith(("4", "5")):
            assert "application/problem+json" in response["content"], status
    good = {status: body for status, body in operation["responses"].items() if status[0] == "2"}
    assert good
    for status, response in good.items():
        if status != "204":
            media = next(iter(response["content"].values()))
            assert "example" in media or "examples" in media, (status, path, method)


def _examples(content: dict[str, Any]) -> list[tuple[dict[str, Any], object]]:
    found = []
    for media in content.values():
        schema = media.get("schema", {})
        if "example" in media:
            found.append((schema, media["example"]))
        found += [(schema, each["value"]) for each in media.get("examples", {}).values()]
    return found


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_examples_keep_to_their_schemas(path: str, method: str, operation: dict[str, Any]) -> None:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for schema, example in _examples(body.get("content", {})):
            whole = schema | {"components": DOCUMENT["components"]}
            jsonschema.Draft202012Validator(whole).validate(example)


def test_every_code_has_its_place_in_the_errors_page() -> None:
    text = next(
        text for path, text in written(create_framework()).items() if path.name == "errors.md"
    )
    for code in PROBLEMS:
        assert f"\n## {code}\n" in text
