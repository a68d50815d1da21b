"""Accepts import files: checks what can be refused at once, and puts file and job on the disk."""

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
RETRY_SECONDS = 10

Target = Literal["draft", "published"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the sender wants: the bank, the format, the state that questions are to have."""

    bank: str
    file_format: str
    target: Target = "draft"
    create_terms: bool = False
    dry_run: bool = False


def import_folder(settings: Settings) -> Path:
    """Return the folder of files that wait, made when it is first needed."""
    folder = settings.data_dir / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def import_path(settings: Settings, job_id: UUID) -> Path:
    """Return where a job's file lies."""
    return import_folder(settings) / str(job_id)


def guess_format(filename: str) -> str:
    """Return the format that a file's name suggests; JSON Lines where it suggests none."""
    return "csv" if filename.lower().endswith(".csv") else "jsonl"


def accept_file(
    session: Session,
    settings: Settings,
    file: Path,
    options: ImportOptions,
    key_id: UUID | None,
) -> ImportJob:
    """Move a complete, durable file into its place and add its job.

    Problem too_many_jobs when the key has enough already; 422 for a header that cannot be used.
    """
    with file.open("rb") as opened:
        errors = FORMATS[options.file_format].header_errors(opened)
    if errors:
        raise invalid(*errors)
    size = file.stat().st_size
    _refuse_too_many(session, size, key_id)
    job = ImportJob(
        id=time_and_random.uuid7(),
        key_id=key_id,
        bank=options.bank,
        file_format=options.file_format,
        size=size,
        dry_run=options.dry_run,
        target=options.target,
        create_terms=options.create_terms,
        created_at=_next_time(session),
    )
    repository.add(session, job)
    file.rename(import_path(settings, job.id))
    _sync_folder(file.parent)
    return job


def import_read(job: ImportJob, secrets: Secrets) -> ImportRead:
    """Return a job as its sender sees it."""
    edition = None
    if job.epoch is not None:
        edition = secrets.seal(PURPOSE, f"{job.epoch}:{job.seq}:{job.config_version}".encode())
    return ImportRead.model_validate(job.model_dump() | {"edition": edition})


def _next_time(session: Session) -> datetime:
    """Return now, or a millisecond after the newest job: the order of jobs is that of their times.

    Questions are numbered as they are made, and seeded draws go by numbers.
    """
    newest, now = repository.newest_at(session), time_and_random.now()
    return now if newest is None else max(now, newest + timedelta(milliseconds=1))


def _refuse_too_many(session: Session, size: int, key_id: UUID | None) -> None:
    headers = {"Retry-After": str(RETRY_SECONDS)}
    if key_id is not None and repository.open_count(session, key_id) >= MAX_OPEN_JOBS:
        message = "The key has one running and two waiting imports already."
        raise Problem("too_many_jobs", message, headers=headers)
    if repository.open_bytes(session) + size > MAX_OPEN_BYTES:
        message = f"The files that wait would take more than {MAX_OPEN_BYTES} bytes."
        raise Problem("too_many_jobs", message, headers=headers)


def _sync_folder(folder: Path) -> None:
    # The name of a new file is on the disk only when its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
