"""The routes of imports and exports."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.access.deps import AccessDep, CallerDep
from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.errors import FieldError, Problem, invalid, not_found
from app.core.http.deps import DatabaseDep, SecretsDep, SettingsDep, services_of
from app.core.http.idempotency import Idempotency
from app.core.http.idempotency_deps import key_of
from app.core.http.query_string import (
    Pairs,
    Parameter,
    boolean,
    one_of,
    openapi_parameters,
    reject_unknown,
    split_query,
    take,
    text,
    whole,
)
from app.core.http.request_context import request_context
from app.core.openapi.operation_docs import problems, scope
from app.core.settings import Settings
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from app.transfer import repository
from app.transfer.export import PARAMETERS, plan_export
from app.transfer.formats import FORMATS
from app.transfer.jobs.file_slots import slot
from app.transfer.jobs.runner import Runner
from app.transfer.models import OPEN_STATES, ImportJob
from app.transfer.permissions import require_import
from app.transfer.schemas import ImportRead
from app.transfer.service import (
    ImportOptions,
    accept_file,
    guess_format,
    import_folder,
    import_read,
)
from app.transfer.template import template
from app.transfer.uploads import receive_file

MAX_FILE_BYTES = 1_000_000_000
# What a multipart body adds to its file.
MAX_ENVELOPE_BYTES = 10_000
DEFAULT_WAIT = 10
MAX_WAIT = 60
MAX_EXPORTS = 2
FIRST_LOOK_SECONDS = 0.01
LAST_LOOK_SECONDS = 0.25

router = APIRouter(tags=["imports and exports"])

IMPORT_PARAMETERS = (
    Parameter(
        "bank",
        "the bank that takes the questions (required)",
        {"type": "string"},
        example="science",
    ),
    Parameter(
        "file_format",
        "by default what the file's name suggests, else jsonl",
        {"type": "string", "enum": list(FORMATS)},
    ),
    Parameter("dry_run", "only check", {"type": "boolean", "default": False}),
    Parameter(
        "state",
        "what becomes of each question; published needs `questions:publish`",
        {"type": "string", "enum": ["draft", "published"], "default": "draft"},
    ),
    Parameter(
        "create_terms",
        "make terms that do not exist; needs `taxonomy:write`",
        {"type": "boolean", "default": False},
    ),
    Parameter(
        "wait",
        "seconds to wait for the end",
        {"type": "integer", "minimum": 0, "maximum": MAX_WAIT, "default": DEFAULT_WAIT},
    ),
)
IMPORT_EXAMPLE = {
    "id": "019ab3a0-5c1e-7c3e-9d42-0f6f0a9b7a11",
    "state": "refused",
    "dry_run": False,
    "done": 214,
    "of": 214,
    "created": 0,
    "changed": 0,
    "unchanged": 0,
    "unknown_terms": [],
    "error_count": 1,
    "rows": [
        {
            "line": 214,
            "field": "correct",
            "code": "unknown_value",
            "value": "E",
            "hint": "The options are A to D; name the letter of each key, joined by |.",
        }
    ],
    "edition": None,
}

EXPORT_EXAMPLE = (
    '{"id":"019ab3a0-5c1e-7c3e-9d42-0f6f0a9b7a12","revision":1,"bank":"science",'
    '"kind":"true_false","stem":"Sound travels faster in water than in air.",…,'
    '"external_id":"s-1","state":"published","answer":{"value":true},"explanation":null}\n'
)


def _examples(status: int) -> dict[str, Any]:
    return {"content": {"application/json": {"example": IMPORT_EXAMPLE}}, "model": ImportRead} | (
        {"description": "Still running: ask again at `Location`."} if status == 202 else {}
    )


@router.post(
    "/v1/imports",
    summary="Import a file of questions",
    response_model=ImportRead,
    responses=problems(404, 413, 415) | {200: _examples(200), 202: _examples(202)},
    openapi_extra=scope(
        "imports:write",
        parameters=[
            {**parameter, "required": parameter["name"] == "bank"}
            for parameter in openapi_parameters(IMPORT_PARAMETERS)
        ],
        requestBody={
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                }
            },
        },
        **{
            "x-media-types": ["multipart/form-data"],
            "x-max-bytes": MAX_FILE_BYTES + MAX_ENVELOPE_BYTES,
        },
    ),
)
async def create_import(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    request: Request,
    caller: CallerDep,
    access: AccessDep,
    database: DatabaseDep,
    settings: SettingsDep,
    secrets: SecretsDep,
) -> Response:
    """Check the whole file, then apply all of it, or nothing where one row is bad.

    Rows are matched by `external_id`, then by `id`; what is the same already stays unchanged.
    """
    pairs = split_query(request.scope["query_string"])
    wanted = _options(pairs)
    wait = take(pairs, "wait", whole(0, MAX_WAIT), DEFAULT_WAIT)
    require_import(access.rights, caller, wanted)
    key = key_of(request)
    incoming = import_folder(settings) / f"{time_and_random.uuid7()}.part"
    try:
        content_type = request.headers.get("content-type", "")
        upload = await receive_file(request.stream(), content_type, incoming)
        options = wanted
        if not wanted.file_format:
            options = replace(wanted, file_format=guess_format(upload.filename))
        body = request.scope["query_string"] + b"\n" + upload.sha256
        once = Idempotency(caller.key_id, key, "POST /v1/imports", body)
        with once.running():
            job = await asyncio.to_thread(
                _accept, database, settings, incoming, options, caller.key_id, once
            )
    finally:
        incoming.unlink(missing_ok=True)
    services_of(request).get(Runner).nudge()
    job = await _wait(database, job, wait)
    if job.epoch is not None and job.seq is not None and job.config_version is not None:
        request_context(request).mark = Mark(job.epoch, job.seq, job.config_version)
    return JSONResponse(
        import_read(job, secrets).model_dump(mode="json"),
        202 if job.state in OPEN_STATES else 200,
        {"Location": f"/v1/imports/{job.id}"},
    )


@router.get(
    "/v1/imports/template.csv",
    summary="Get a CSV to fill in",
    response_class=Response,
    responses=problems()
    | {
        200: {
            "description": "One example row a kind",
            "content": {"text/csv": {"example": template().decode().partition("\r\n")[0]}},
        }
    },
    openapi_extra=scope(None),
)
async def get_import_template() -> Response:
    """Return a CSV with every column and one example for each kind that fits into cells."""
    disposition = {"Content-Disposition": 'attachment; filename="quizwell-template.csv"'}
    return Response(template(), headers=disposition, media_type="text/csv; charset=utf-8")


@router.get(
    "/v1/imports/{import_id:uuid}",
    summary="Look at an import",
    responses=problems(404) | {200: _examples(200)},
    openapi_extra=scope("imports:write"),
)
def get_import(
    import_id: UUID, caller: CallerDep, database: DatabaseDep, secrets: SecretsDep
) -> ImportRead:
    """Return how far an import is; for the key that sent it, and for admin."""
    with database.read() as session:
        job = repository.find(session, import_id)
    if job is None or not (job.key_id == caller.key_id or caller.may("admin")):
        raise not_found()
    return import_read(job, secrets)


def _options(pairs: Pairs) -> ImportOptions:
    reject_unknown(pairs, [parameter.name for parameter in IMPORT_PARAMETERS])
    bank = take(pairs, "bank", text(1, 64), "")
    if not bank:
        detail = "Name the bank that takes the questions."
        raise invalid(FieldError("missing_value", detail, parameter="bank"))
    return ImportOptions(
        bank,
        take(pairs, "file_format", one_of(*FORMATS), ""),
        "published"
        if take(pairs, "state", one_of("draft", "published"), "draft") == "published"
        else "draft",
        create_terms=take(pairs, "create_terms", boolean, default=False),
        dry_run=take(pairs, "dry_run", boolean, default=False),
    )


def _accept(  # noqa: PLR0913, PLR0917 - one call into a thread
    database: Database,
    settings: Settings,
    file: Path,
    options: ImportOptions,
    key_id: UUID | None,
    once: Idempotency,
) -> ImportJob:
    with database.write() as session:
        made = once.replay(session)
        if made is not None:
            found = repository.find(session, UUID(made))
            if found is None:
                raise not_found()
            return found
        job = accept_file(session, settings, file, options, key_id)
        once.record(session, 202, str(job.id))
        return job


async def _wait(database: Database, job: ImportJob, seconds: int) -> ImportJob:
    """Return the job once it ended, or as it is after that time; holds nothing while it waits."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    pause = FIRST_LOOK_SECONDS
    while job.state in OPEN_STATES and (rest := deadline - loop.time()) > 0:
        await asyncio.sleep(min(pause, rest))
        pause = min(pause * 2, LAST_LOOK_SECONDS)
        job = await asyncio.to_thread(_look, database, job)
    return job


def _look(database: Database, job: ImportJob) -> ImportJob:
    with database.read() as session:
        return repository.find(session, job.id) or job


class _ExportResponse(StreamingResponse):
    """A file that is read while it is sent; `held` is given back at the end, however it comes."""

    held: ExitStack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.held:
            await super().__call__(scope, receive, send)


@router.get(
    "/v1/exports",
    summary="Export questions with their answers",
    response_class=Response,
    responses=problems()
    | {
        200: {
            "description": "The file, streamed",
            "content": {
                "application/jsonl": {"example": EXPORT_EXAMPLE},
                "text/csv": {"example": template().decode()},
            },
        }
    },
    openapi_extra=scope("exports:read", parameters=openapi_parameters(PARAMETERS)),
)
def export_questions(
    request: Request,
    caller: CallerDep,
    access: AccessDep,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Stream editing views with their answer side, one a row; two at a time a key.

    Needs `answers:read` too, and without `bank` narrows to the banks where the key has both. With
    `questions:read` rows hold what was saved last; without it what is published. What was exported
    as JSON Lines imports unchanged.
    """
    pairs = split_query(request.scope["query_string"])
    glossary = services_of(request).get(VocabularySnapshot)
    export = plan_export(pairs, access.rights, caller, glossary.current)
    with ExitStack() as stack:
        name = f"export-{caller.key_id}"
        if not stack.enter_context(slot(settings.data_dir / "locks", name, MAX_EXPORTS)):
            message = f"The key has {MAX_EXPORTS} exports running already."
            raise Problem("too_many_jobs", message, headers={"Retry-After": "5"})
        disposition = f'attachment; filename="questions.{export.file_format.name}"'
        response = _ExportResponse(
            export.chunks(database, settings),
            media_type=f"{export.file_format.media_type}; charset=utf-8",
            headers={"Content-Disposition": disposition},
        )
        response.held = stack.pop_all()
    return response
