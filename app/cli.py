"""The command line: `quizwell --help` explains every command."""

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import httpx
import typer
import uvicorn
from pydantic import ValidationError

from app.core.database import Database
from app.core.settings import Settings, load_settings
from app.migrating import MigrationError
from app.migrating import check as check_migrations
from app.migrating import is_migrated
from app.migrating import migrate as run_migrations

app = typer.Typer(
    help="Quizwell: a REST API and content service for question banks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; a refusal is one line on standard error and exit status 1."""
    try:
        app()
    except MigrationError as error:
        sys.exit(f"quizwell: {error}")
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, part['loc']))} {part['msg']}".strip() for part in error.errors()
        )
        sys.exit(f"quizwell: the settings are not valid: {reasons}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


@app.command()
def serve() -> None:
    """Migrate, seed an empty database, and serve until stopped."""
    from app.starting import prepare  # noqa: PLC0415 - the command line must start fast

    settings = load_settings()
    _refuse_taken_port(settings)
    prepare(settings, _say)
    shown = f"http://{settings.host}:{settings.port}"
    _say(f"Serving on {shown} (documentation: {shown}/docs). Stop with Ctrl+C.")
    if settings.workers > 1:
        # The figures of several processes are summed from files that they share.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="quizwell-metrics-")
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
    )


def _refuse_taken_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = f"{settings.host}:{settings.port} cannot be used ({error.strerror.lower()})"
            sys.exit(f"quizwell: {reason}: set QUIZWELL_PORT to another port")


@app.command()
def migrate(
    check: Annotated[
        bool, typer.Option(help="Only tell whether models and migrations agree.")
    ] = False,
    to: Annotated[str, typer.Option(help="The migration to go to.")] = "head",
) -> None:
    """Bring the tables up to date, in one transaction, with a backup of an SQLite file first."""
    if check:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(Settings(data_dir=Path(folder), database_url=""))
            run_migrations(database)
            check_migrations(database)
            database.close()
        return
    database = Database(load_settings())
    steps = run_migrations(database, to)
    _say("\n".join(f"ran {step}" for step in steps) or "The tables are up to date.")
    database.close()


@app.command()
def seed() -> None:
    """Load the seed bank; what is there already and unchanged stays as it is."""
    from app.starting import load_seed  # noqa: PLC0415

    settings = load_settings()
    database = Database(settings)
    load_seed(database, settings, _say)
    database.close()


@app.command()
def openapi(
    check: Annotated[
        bool, typer.Option(help="Only tell whether the files are up to date.")
    ] = False,
) -> None:
    """Write openapi/openapi.json and docs/errors.md from the code."""
    from app.documentation import written  # noqa: PLC0415
    from app.main import create_framework  # noqa: PLC0415

    for path, text in written(create_framework()).items():
        if check and (not path.exists() or path.read_text() != text):
            sys.exit(f"quizwell: {path.name} is out of date: run `make openapi`")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


@app.command()
def health() -> None:
    """Ask the service on this host whether it is ready; exit status 1 when it is not."""
    settings = load_settings()
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    try:
        answer = httpx.get(f"http://{host}:{settings.port}/readyz", timeout=2.0)
    except httpx.HTTPError as error:
        sys.exit(f"quizwell: no answer: {error}")
    if answer.status_code != 200:
        sys.exit(f"quizwell: not ready: {answer.text}")


@app.command()
def restored() -> None:
    """Tell everyone that the database was restored: followers and clients read it anew."""
    from app.core.clock import start_epoch  # noqa: PLC0415

    database = _migrated(load_settings())
    with database.write() as session:
        start_epoch(session)
    database.close()
    _say("A new epoch has begun: every mark of the former one is void.")


def _migrated(settings: Settings) -> Database:
    database = Database(settings)
    if not is_migrated(database):
        sys.exit("quizwell: the tables are not up to date: run `quizwell migrate` first")
    return database
