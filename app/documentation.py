"""Generates the OpenAPI document and docs/errors.md."""

from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.errors import FIELD_CODES, PROBLEMS
from app.core.openapi.operation_docs import ProblemDocument

ROOT = Path(__file__).parent.parent
OPENAPI = ROOT / "openapi" / "openapi.json"
ERRORS = ROOT / "docs" / "errors.md"

DESCRIPTION = """\
Question banks for any frontend: draw random sets, read, filter and count questions, keep fixed
quizzes, and edit it all through one API.

Reading public banks needs no key. Everything else takes `Authorization: Bearer <key>`; each
operation names the scope that it demands in `x-scope`. Refusals are problem documents (RFC 9457)
whose `code` is stable.
"""


def describe(framework: FastAPI) -> None:
    """Let FastAPI serve the document of `build` at /openapi.json."""

    def document() -> dict[str, Any]:
        if framework.openapi_schema is None:
            framework.openapi_schema = build(framework)
        return framework.openapi_schema

    framework.openapi = document  # type: ignore[method-assign] # as FastAPI documents it


def build(framework: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of all routes."""
    document = get_openapi(
        title=framework.title,
        version=framework.version,
        description=DESCRIPTION,
        routes=framework.routes,
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemDocument"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, qw_sk_… or qw_pk_…"}
    }
    for path in document["paths"].values():
        for operation in path.values():
            _add_security(operation)
    _restore_examples(framework, document)
    return document


def _restore_examples(framework: FastAPI, document: dict[str, Any]) -> None:
    """Restore the examples of responses: FastAPI removes null values from them."""
    for context in iter_route_contexts(framework.routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods or ():
            shown = document["paths"][route.path_format][method.lower()]["responses"]
            for status, response in route.responses.items():
                for media, content in response.get("content", {}).items():
                    if "example" in content:
                        example = orjson.loads(orjson.dumps(content["example"]))
                        shown[str(status)]["content"][media]["example"] = example


def _add_security(operation: dict[str, Any]) -> None:
    demands_key = operation.get("x-scope", "none") != "none"
    operation["security"] = [{"key": []}] if demands_key else [{}, {"key": []}]
    # FastAPI adds a 422 response that is not the problem document that is sent.
    response = operation["responses"].get("422", {})
    if "HTTPValidationError" in str(response):
        operation["responses"].pop("422")


def openapi_text(framework: FastAPI) -> str:
    """Return the text of openapi/openapi.json."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(build(framework), option=options).decode()


def errors_text() -> str:
    """Return the text of docs/errors.md."""
    lines = [
        "# Errors",
        "",
        "Every error response is a problem document (RFC 9457, `application/problem+json`) with a",
        "stable `code`.",
        "This page is generated from the table in app/core/errors.py.",
        "",
    ]
    for code, kind in sorted(PROBLEMS.items(), key=lambda item: (item[1].status, item[0])):
        lines += [f"## {code}", "", f"{kind.status}. {kind.title}. {kind.remedy}", ""]
    lines += [
        "# Codes of single fields",
        "",
        "They are in `errors[].code` of `invalid_request`.",
        "",
    ]
    for code, meaning in FIELD_CODES.items():
        lines += [f"## {code}", "", meaning, ""]
    return "\n".join(lines)


def generated_files(framework: FastAPI) -> dict[Path, str]:
    """Return the text of each generated file, by path."""
    return {OPENAPI: openapi_text(framework), ERRORS: errors_text()}
