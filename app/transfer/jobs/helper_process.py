"""A second process for long imports: it checks every other part and takes every other step."""

import gc
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from app.core.db.database import Database
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.jobs.apply_phase import Applier, set_values
from app.transfer.jobs.check_phase import Checker, Report
from app.transfer.jobs.step_turns import Alternating, PartnerLostError, StoppedError, Turns
from app.transfer.models import ImportJob
from app.transfer.rows.context import Context, load_context
from app.transfer.service import import_path

# To start a process takes as long as to import this much.
MIN_BYTES = 16_000_000
LAST = 1 << 60
# What tells where a job stands.
PLACE = ("state", "done", "created", "changed", "unchanged", "next_offset", "next_line")
# More than a step of a thousand rows keeps alive at once.
COLLECT_AFTER = 300_000
END_SECONDS = 1.0

log = logging.getLogger(__name__)


class Partner:
    """The other process, seen from the one that has the job."""

    def __init__(self, settings: Settings, job_id: UUID) -> None:
        """Start it; it needs about a second."""
        context = multiprocessing.get_context("spawn")
        self._claims = context.Value("q", 0)
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(settings, job_id, self._claims, theirs),
            name="import-partner",
            daemon=True,
        )
        self._process.start()
        theirs.close()

    def claims(self) -> Iterator[int]:
        """Yield the numbers of the parts to check that the other process does not take."""
        return _claimed(self._claims)

    def report(self) -> Report:
        """Return what the other process has found; no part is left to claim from then on."""
        with self._claims.get_lock():
            self._claims.value = LAST
        report = self._receive()
        if not isinstance(report, Report):
            raise PartnerLostError
        return report

    def apply(self, job: ImportJob) -> Turns:
        """Let it apply every other step of the job, as it stands now."""
        try:
            # It may look only when the first step is done already.
            self._connection.send(job.model_dump(include=set(PLACE)))
        except OSError as error:
            raise PartnerLostError from error
        return Alternating(self._connection, 0, impatient=True)

    def end(self) -> None:
        """Stop it; killed in the middle of a transaction it leaves nothing of that behind."""
        self._connection.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _receive(self) -> Any:  # noqa: ANN401 - whatever was sent
        try:
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise PartnerLostError from error


def is_worth_a_process(job: ImportJob) -> bool:
    """Return whether so much is left of a job that a process for it pays, and one can be had."""
    is_long = job.size - job.next_offset >= MIN_BYTES
    return is_long and not multiprocessing.current_process().daemon


def wants_partner(settings: Settings, job: ImportJob) -> bool:
    """Return whether a second process would make the import quicker."""
    may_have_two = (os.cpu_count() or 1) > 1 and settings.import_processes > 1
    return may_have_two and is_worth_a_process(job)


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """Look for circles of garbage less often while the block runs."""
    # Rows come and go without circles; looking for some takes a third of an import's time.
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _claimed(claims: Any) -> Iterator[int]:  # noqa: ANN401 - a number that two processes share
    while True:
        with claims.get_lock():
            number = claims.value
            claims.value = number + 1
        yield number


def _serve(settings: Settings, job_id: UUID, claims: Any, connection: Connection) -> None:  # noqa: ANN401
    """Run in the other process: check, then apply, then end."""
    # Ctrl+C stops the one that has the job, which then stops this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    database = Database(settings)
    try:
        with suppress(PartnerLostError, StoppedError, EOFError, OSError), rarely_collecting():
            _work(database, settings, job_id, claims, connection)
    except Exception:
        log.exception("the second process of import %s failed", job_id)
    finally:
        connection.close()
        database.close()


def _work(
    database: Database,
    settings: Settings,
    job_id: UUID,
    claims: Any,  # noqa: ANN401
    connection: Connection,
) -> None:
    job, context = _read(database, job_id)
    with import_path(settings, job_id).open("rb") as file:
        if job.state != "applying":
            report = Checker(database, context, file).run(_claimed(claims), _say_nothing)
            connection.send(report)
        place = connection.recv()
        # Terms may have been made meanwhile.
        job, context = _read(database, job_id)
        set_values(job, place)
        applier = Applier(database, load_secrets(settings), context, file)
        applier.run(job, Alternating(connection, 1), _say_nothing)


def _read(database: Database, job_id: UUID) -> tuple[ImportJob, Context]:
    with database.read() as session:
        job = repository.find(session, job_id)
        context = load_context(session, job) if job is not None else None
    if job is None or context is None:
        raise StoppedError
    return job, context


def _say_nothing(*_: int) -> None:
    pass
