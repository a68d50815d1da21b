"""Accepts import files: checks limits and headers, stores the file and creates its job."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from app.core import time_and_random
from app.core.errors import Problem, invalid
from app.core.secrets import Secrets
from app.core.settings import Settings
from app.published.editions import PURPOSE
from app.transfer import repository
from app.transfer.formats import FORMATS
from app.transfer.models import ImportJob
from app.transfer.schemas import ImportRead

MAX_OPEN_JOBS = 3
MAX_OPEN_BYTES = 4_000_000_000
RETRY_AFTER_SECONDS = 10

Target = Literal["draft", "published"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of an import; `target` is the state of its questions afterwards."""

    bank: str
    file_format: str
    target: Target = "draft"
    create_terms: bool = False
    dry_run: bool = False


def import_folder(settings: Settings) -> Path:
    """Return the folder of uploaded files; create it if needed."""
    folder = settings.data_dir / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def import_path(settings: Settings, job_id: UUID) -> Path:
    """Return the path of a job's file."""
    return import_folder(settings) / str(job_id)


def guess_format(filename: str) -> str:
    """Return the format for a file's name: CSV for `.csv`, else JSON Lines."""
    return "csv" if filename.lower().endswith(".csv") else "jsonl"


def accept_file(
    session: Session,
    settings: Settings,
    file: Path,
    options: ImportOptions,
    key_id: UUID | None,
) -> ImportJob:
    """Create a job for a complete file that is synced to disk, and move the file to its path.

    Problem too_many_jobs when the key has too many open jobs; invalid_request for a header with
    errors.
    """
    with file.open("rb") as opened:
        errors = FORMATS[options.file_format].header_errors(opened)
    if errors:
        raise invalid(*errors)
    size = file.stat().st_size
    _check_limits(session, size, key_id)
    job = ImportJob(
        id=time_and_random.uuid7(),
        key_id=key_id,
        bank=options.bank,
        file_format=options.file_format,
        size=size,
        dry_run=options.dry_run,
        target=options.target,
        create_terms=options.create_terms,
        created_at=_next_created_at(session),
    )
    repository.add(session, job)
    file.rename(import_path(settings, job.id))
    _sync_folder(file.parent)
    return job


def import_read(job: ImportJob, secrets: Secrets) -> ImportRead:
    """Return the view of a job that its sender gets."""
    edition = None
    if job.epoch is not None:
        edition = secrets.seal(PURPOSE, f"{job.epoch}:{job.seq}:{job.config_version}".encode())
    return ImportRead.model_validate(job.model_dump() | {"edition": edition})


def _next_created_at(session: Session) -> datetime:
    """Return now, but at least a millisecond after the newest job, so that times order the jobs.

    The order matters: questions are numbered in the order of their creation, and seeded draws
    depend on the numbers.
    """
    newest, now = repository.newest_created_at(session), time_and_random.now()
    return now if newest is None else max(now, newest + timedelta(milliseconds=1))


def _check_limits(session: Session, size: int, key_id: UUID | None) -> None:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if key_id is not None and repository.open_count(session, key_id) >= MAX_OPEN_JOBS:
        message = f"The key already has {MAX_OPEN_JOBS} imports that are running or waiting."
        raise Problem("too_many_jobs", message, headers=headers)
    if repository.open_bytes(session) + size > MAX_OPEN_BYTES:
        message = f"The files of all waiting imports would exceed {MAX_OPEN_BYTES} bytes."
        raise Problem("too_many_jobs", message, headers=headers)


def _sync_folder(folder: Path) -> None:
    # A rename is durable only after its folder is synced.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
