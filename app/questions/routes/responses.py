"""What the editing routes share: who asks, how an answer looks, what OpenAPI tells of it."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response

from app.access.deps import AccessDep, CallerDep
from app.core.errors import FieldError, invalid
from app.core.http.query_string import Pairs, Parameter, boolean, reject_unknown, take, text
from app.core.http.replies import Headers, json_reply, reply_response
from app.questions.editor import Editor
from app.questions.schemas import MAX_NOTE
from app.questions.state import Values

PATH = "/v1/editing/questions"

PUBLISH = Parameter("publish", "publish it at once", {"type": "boolean", "default": False})
NOTE = Parameter(
    "note",
    "stands at the revision",
    {"type": "string", "minLength": 1, "maxLength": MAX_NOTE},
)


def header(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    """Return the OpenAPI parameter of a header that is read by hand."""
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


def shows(example: object, model: Any = None) -> dict[str, Any]:  # noqa: ANN401 - a model's type
    """Return the OpenAPI response of an example."""
    shown: dict[str, Any] = {"content": {"application/json": {"example": example}}}
    return shown if model is None else shown | {"model": model}


def get_editor(caller: CallerDep, access: AccessDep) -> Editor:
    """Return the caller with the rules of the moment."""
    return Editor(access.rights, caller)


EditorDep = Annotated[Editor, Depends(get_editor)]


def if_match(request: Request) -> str | None:
    """Return the If-Match header, several of them as one."""
    return ", ".join(request.headers.getlist("if-match")) or None


def saving(pairs: Pairs) -> tuple[bool, str | None]:
    """Return `publish` and `note` of a query that may have nothing else."""
    reject_unknown(pairs, (PUBLISH.name, NOTE.name))
    publish = take(pairs, PUBLISH.name, boolean, default=False)
    return publish, take(pairs, NOTE.name, text(1, MAX_NOTE), None)


def an_object(body: object) -> Values:
    """Return a body as the JSON object that it has to be."""
    if not isinstance(body, dict):
        raise invalid(FieldError("invalid_value", "A JSON object.", pointer=""))
    return body


def reply(value: object, status: int = 200, headers: Headers | None = None) -> Response:
    """Return JSON."""
    return reply_response(json_reply(value, status, headers))


def question_reply(view: Values, status: int = 200) -> Response:
    """Return an editing view with its ETag, and where it is when it is new."""
    headers = [(b"etag", f'"{view["etag"]}"'.encode())]
    if status == 201:
        headers.append((b"location", f"{PATH}/{view['id']}".encode()))
    return reply(view, status, headers)
