"""The OpenAPI document is up to date, and every operation says what a client needs."""

import re
from typing import Any

import jsonschema
import pytest

from app.core.errors import PROBLEMS
from app.documentation import build, generated_files
from app.main import create_framework

DOCUMENT: dict[str, Any] = build(create_framework())
ALL: list[tuple[str, str, dict[str, Any]]] = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method.upper()} {path}")
    for path, method, operation in ALL
]


def test_the_committed_files_are_those_that_the_code_generates() -> None:
    for path, text in generated_files(create_framework()).items():
        assert path.read_text() == text, f"{path.name}: run `make openapi`"


def test_operation_ids_are_function_names_and_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in ALL]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in ids)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_each_operation_documents_its_scope_its_errors_and_an_example(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert operation["x-scope"]
    assert operation["summary"]
    assert operation["description"]
    for status, response in operation["responses"].items():
        if status.startswith(("4", "5")):
            assert "application/problem+json" in response["content"], status
    successes = {
        status: body for status, body in operation["responses"].items() if status[0] == "2"
    }
    assert successes
    for status, response in successes.items():
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
def test_examples_are_valid(path: str, method: str, operation: dict[str, Any]) -> None:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for schema, example in _examples(body.get("content", {})):
            with_components = schema | {"components": DOCUMENT["components"]}
            jsonschema.Draft202012Validator(with_components).validate(example)


def test_the_errors_page_describes_every_code() -> None:
    text = next(
        text
        for path, text in generated_files(create_framework()).items()
        if path.name == "errors.md"
    )
    for code in PROBLEMS:
        assert f"\n## {code}\n" in text
