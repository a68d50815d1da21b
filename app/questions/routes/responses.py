"""Shared dependencies, parameters and response helpers of the editing routes."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response

from app.access.deps import AccessDep, CallerDep
from app.core.errors import FieldError, invalid
from app.core.http.query_string import (
    Pairs,
    Parameter,
    boolean,
    reject_unknown,
    single_value,
    text_of_length,
)
from app.core.http.replies import Headers, json_reply, reply_response
from app.questions.editor import Editor
from app.questions.schemas import MAX_NOTE
from app.questions.state import Values

PATH = "/v1/editing/questions"

PUBLISH = Parameter("publish", "publish immediately", {"type": "boolean", "default": False})
NOTE = Parameter(
    "note",
    "stored with the revision",
    {"type": "string", "minLength": 1, "maxLength": MAX_NOTE},
)


def header(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    """Return the OpenAPI parameter of a header that FastAPI does not parse."""
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": schema,
    }


IF_MATCH = header("If-Match", "the question's etag, quoted, or `*`", required=True)
IF_MATCH_OPTIONAL = header("If-Match", "the question's etag, quoted, or `*`")
IDEMPOTENCY_KEY = header("Idempotency-Key", "the same request sent twice is done once")


def example_response(example: object, model: Any = None) -> dict[str, Any]:  # noqa: ANN401 - a model's type
    """Return an OpenAPI response with an example and, if given, its model."""
    response: dict[str, Any] = {"content": {"application/json": {"example": example}}}
    return response if model is None else response | {"model": model}


def get_editor(caller: CallerDep, access: AccessDep) -> Editor:
    """Return the caller with the current reading rules."""
    return Editor(access.rights, caller)


EditorDep = Annotated[Editor, Depends(get_editor)]


def if_match(request: Request) -> str | None:
    """Return the If-Match header; several are joined by commas."""
    return ", ".join(request.headers.getlist("if-match")) or None


def publish_and_note(pairs: Pairs) -> tuple[bool, str | None]:
    """Return `publish` and `note`; 422 for any other parameter."""
    reject_unknown(pairs, (PUBLISH.name, NOTE.name))
    publish = single_value(pairs, PUBLISH.name, boolean, default=False)
    return publish, single_value(pairs, NOTE.name, text_of_length(1, MAX_NOTE), None)


def json_object(body: object) -> Values:
    """Return a body that is a JSON object; 422 for any other JSON value."""
    if not isinstance(body, dict):
        raise invalid(FieldError("invalid_value", "A JSON object.", pointer=""))
    return body


def json_response(value: object, status: int = 200, headers: Headers | None = None) -> Response:
    """Return a JSON response."""
    return reply_response(json_reply(value, status, headers))


def question_response(view: Values, status: int = 200) -> Response:
    """Return an editing view with its ETag, and a Location header if it was created."""
    headers = [(b"etag", f'"{view["etag"]}"'.encode())]
    if status == 201:
        headers.append((b"location", f"{PATH}/{view['id']}".encode()))
    return json_response(view, status, headers)
