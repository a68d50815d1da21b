"""Routes of imports and exports."""

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
from app.core.errors import Problem, not_found
from app.core.http.deps import DatabaseDep, SecretsDep, SettingsDep, services_of
from app.core.http.idempotency import Idempotency
from app.core.http.idempotency_deps import key_of
from app.core.http.query_string import openapi_parameters, split_query
from app.core.http.request_context import request_context
from app.core.openapi.operation_docs import problems, scope
from app.core.settings import Settings
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from app.transfer import repository
from app.transfer.export import PARAMETERS as EXPORT_PARAMETERS
from app.transfer.export import plan_export
from app.transfer.import_query import PARAMETERS as IMPORT_PARAMETERS
from app.transfer.import_query import parse_import_query
from app.transfer.jobs.file_slots import try_slot
from app.transfer.jobs.runner import ImportRunner
from app.transfer.models import OPEN_STATES, ImportJob
from app.transfer.permissions import require_import
from app.transfer.schemas import IMPORT_EXAMPLE, ImportRead
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
# The multipart headers and boundaries around the file.
MAX_ENVELOPE_BYTES = 10_000
MAX_EXPORTS_PER_KEY = 2
FIRST_POLL_SECONDS = 0.01
MAX_POLL_SECONDS = 0.25

router = APIRouter(tags=["imports and exports"])

EXPORT_EXAMPLE = (
    '{"id":"019ab3a0-5c1e-7c3e-9d42-0f6f0a9b7a12","revision":1,"bank":"science",'
    '"kind":"true_false","stem":"Sound travels faster in water than in air.",…,'
    '"external_id":"s-1","state":"published","answer":{"value":true},"explanation":null}\n'
)


def _response_docs(status: int) -> dict[str, Any]:
    return {"content": {"application/json": {"example": IMPORT_EXAMPLE}}, "model": ImportRead} | (
        {"description": "Still running: get its progress at `Location`."} if status == 202 else {}
    )


@router.post(
    "/v1/imports",
    summary="Import a file of questions",
    response_model=ImportRead,
    responses=problems(404, 413, 415) | {200: _response_docs(200), 202: _response_docs(202)},
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
async def create_import(  # noqa: PLR0913, PLR0917 - dependencies
    request: Request,
    caller: CallerDep,
    access: AccessDep,
    database: DatabaseDep,
    settings: SettingsDep,
    secrets: SecretsDep,
) -> Response:
    """Check the whole file, then apply all rows, or none if one of them has an error.

    Rows are matched by `external_id`, then by `id`; a question that is equal already is not
    changed.
    """
    pairs = split_query(request.scope["query_string"])
    options, wait_seconds = parse_import_query(pairs)
    require_import(access.rights, caller, options)
    key = key_of(request)
    incoming = import_folder(settings) / f"{time_and_random.uuid7()}.part"
    try:
        content_type = request.headers.get("content-type", "")
        upload = await receive_file(request.stream(), content_type, incoming)
        if not options.file_format:
            options = replace(options, file_format=guess_format(upload.filename))
        body = request.scope["query_string"] + b"\n" + upload.sha256
        idempotency = Idempotency(caller.key_id, key, "POST /v1/imports", body)
        with idempotency.running():
            job = await asyncio.to_thread(
                _accept, database, settings, incoming, options, caller.key_id, idempotency
            )
    finally:
        incoming.unlink(missing_ok=True)
    services_of(request).get(ImportRunner).wake()
    job = await _wait_for_end(database, job, wait_seconds)
    if job.epoch is not None and job.seq is not None and job.config_version is not None:
        request_context(request).mark = Mark(job.epoch, job.seq, job.config_version)
    return JSONResponse(
        import_read(job, secrets).model_dump(mode="json"),
        202 if job.state in OPEN_STATES else 200,
        {"Location": f"/v1/imports/{job.id}"},
    )


@router.get(
    "/v1/imports/template.csv",
    summary="Get a CSV template",
    response_class=Response,
    responses=problems()
    | {
        200: {
            "description": "An example row for each kind",
            "content": {"text/csv": {"example": template().decode().partition("\r\n")[0]}},
        }
    },
    openapi_extra=scope(None),
)
async def get_import_template() -> Response:
    """Return a CSV file with every column, and an example for each kind that CSV can hold."""
    disposition = {"Content-Disposition": 'attachment; filename="quizwell-template.csv"'}
    return Response(template(), headers=disposition, media_type="text/csv; charset=utf-8")


@router.get(
    "/v1/imports/{import_id:uuid}",
    summary="Get an import",
    responses=problems(404) | {200: _response_docs(200)},
    openapi_extra=scope("imports:write"),
)
def get_import(
    import_id: UUID, caller: CallerDep, database: DatabaseDep, secrets: SecretsDep
) -> ImportRead:
    """Return the progress and the report of an import; for the key that sent it, and for admin."""
    with database.read() as session:
        job = repository.find(session, import_id)
    if job is None or not (job.key_id == caller.key_id or caller.may("admin")):
        raise not_found()
    return import_read(job, secrets)


def _accept(  # noqa: PLR0913, PLR0917 - runs in a thread
    database: Database,
    settings: Settings,
    file: Path,
    options: ImportOptions,
    key_id: UUID | None,
    idempotency: Idempotency,
) -> ImportJob:
    with database.write() as session:
        first_id = idempotency.replay(session)
        if first_id is not None:
            first = repository.find(session, UUID(first_id))
            if first is None:
                raise not_found()
            return first
        job = accept_file(session, settings, file, options, key_id)
        idempotency.record(session, 202, str(job.id))
        return job


async def _wait_for_end(database: Database, job: ImportJob, seconds: int) -> ImportJob:
    """Return the job when it has ended, or after `seconds`; no session is open meanwhile."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    poll_seconds = FIRST_POLL_SECONDS
    while job.state in OPEN_STATES and (remaining := deadline - loop.time()) > 0:
        await asyncio.sleep(min(poll_seconds, remaining))
        poll_seconds = min(poll_seconds * 2, MAX_POLL_SECONDS)
        job = await asyncio.to_thread(_reload, database, job)
    return job


def _reload(database: Database, job: ImportJob) -> ImportJob:
    with database.read() as session:
        return repository.find(session, job.id) or job


class _ExportResponse(StreamingResponse):
    """A streamed file; `resources` is closed when the response ends, even if it is cut off."""

    resources: ExitStack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.resources:
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
    openapi_extra=scope("exports:read", parameters=openapi_parameters(EXPORT_PARAMETERS)),
)
def export_questions(
    request: Request,
    caller: CallerDep,
    access: AccessDep,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Stream editing views with their answers, one a row; at most two exports a key at a time.

    Needs `answers:read` too; without `bank` it covers the banks where the key has both scopes. With
    `questions:read` the rows are the newest revisions, without it the published ones. A file in
    JSON Lines can be imported again without changes.
    """
    pairs = split_query(request.scope["query_string"])
    vocabulary_snapshot = services_of(request).get(VocabularySnapshot)
    export = plan_export(pairs, access.rights, caller, vocabulary_snapshot.current)
    with ExitStack() as stack:
        name = f"export-{caller.key_id}"
        if not stack.enter_context(
            try_slot(settings.data_dir / "locks", name, MAX_EXPORTS_PER_KEY)
        ):
            message = f"The key already has {MAX_EXPORTS_PER_KEY} exports running."
            raise Problem("too_many_jobs", message, headers={"Retry-After": "5"})
        disposition = f'attachment; filename="questions.{export.file_format.name}"'
        response = _ExportResponse(
            export.chunks(database, settings),
            media_type=f"{export.file_format.media_type}; charset=utf-8",
            headers={"Content-Disposition": disposition},
        )
        response.resources = stack.pop_all()
    return response
