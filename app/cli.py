"""The command line: `quizwell --help` explains every command."""

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer
import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from app import __version__
from app.access.commands import key_commands
from app.core.db.database import Database
from app.core.errors import Problem
from app.core.http.uvicorn_protocol import PROTOCOL
from app.core.log_config import configure_logging, logging_config
from app.core.settings import Settings, load_settings
from app.migrating import MigrationError, is_migrated
from app.migrating import check as check_migrations
from app.migrating import migrate as run_migrations

FileFormat = Literal["jsonl", "csv"]

app = typer.Typer(
    help="Quizwell: a REST API and content service for question banks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a command; an error is shown on standard error, with exit status 1."""
    try:
        app()
    except MigrationError as error:
        sys.exit(f"quizwell: {error}")
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, part['loc']))} {part['msg']}".strip() for part in error.errors()
        )
        subject = "settings are" if error.title == Settings.__name__ else f"{error.title} is"
        sys.exit(f"quizwell: the {subject} not valid: {reasons}")
    except (Problem, OperationalError) as error:
        from app.core.http.exception_handlers import as_problem  # noqa: PLC0415

        problem = as_problem(error)
        details = [f"{each.pointer or each.parameter}: {each.detail}" for each in problem.errors]
        sys.exit("\n  ".join([f"quizwell: {problem.detail}", *details]))


def _load_settings() -> Settings:
    """Return the settings of the environment, and configure logging by them."""
    settings = load_settings()
    configure_logging(settings)
    return settings


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"quizwell {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def _say(text: str) -> None:
    typer.echo(text, err=True)


@app.command()
def serve() -> None:
    """Migrate, seed an empty database, and serve until stopped."""
    from app.starting import prepare  # noqa: PLC0415 - the command line must start fast

    settings = _load_settings()
    _refuse_taken_port(settings)
    prepare(settings, _say)
    url = f"http://{settings.host}:{settings.port}"
    _say(f"Serving on {url} (documentation: {url}/docs). Stop with Ctrl+C.")
    if settings.workers > 1:
        # Several processes share their metrics through files in this folder.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="quizwell-metrics-")
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=PROTOCOL,
        ws="none",
        # Ours (app/core/http/access_log.py) includes the fast routes.
        access_log=False,
        log_config=logging_config(settings),
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


def _refuse_taken_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            address = f"{settings.host}:{settings.port}"
            sys.exit(
                f"quizwell: cannot listen on {address} ({reason}); choose another QUIZWELL_PORT"
            )


@app.command()
def migrate(
    check: Annotated[
        bool, typer.Option(help="Only check whether models and migrations agree.")
    ] = False,
    to: Annotated[
        str, typer.Option(help="The migration to go to; an older one undoes those after it.")
    ] = "head",
) -> None:
    """Migrate the tables in one transaction, after a backup of a SQLite file."""
    if check:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(Settings(data_dir=Path(folder), database_url=""))
            run_migrations(database)
            check_migrations(database)
            database.close()
        return
    database = Database(_load_settings())
    steps = run_migrations(database, to)
    _say("\n".join(f"ran {step}" for step in steps) or "The tables are up to date.")
    database.close()


@app.command()
def seed() -> None:
    """Load the seed bank; questions that exist and are equal stay unchanged."""
    from app.starting import load_seed  # noqa: PLC0415

    settings = _load_settings()
    database = Database(settings)
    load_seed(database, settings, _say)
    database.close()


@app.command("import")
def import_questions(  # noqa: PLR0913, PLR0917 - the options of the command
    file: Annotated[
        Path, typer.Argument(help="A file in JSON Lines or CSV.", exists=True, dir_okay=False)
    ],
    bank: Annotated[
        str, typer.Option(help="The bank of the questions; may be left out if there is only one.")
    ] = "",
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="By default by the name of the file.")
    ] = None,
    state: Annotated[
        Literal["draft", "published"], typer.Option(help="The state that each question gets.")
    ] = "draft",
    create_terms: Annotated[
        bool, typer.Option("--create-terms", help="Create terms that do not exist.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
) -> None:
    """Import a file. It is checked completely before anything is written.

    Rows are matched by external_id, then by id, so importing the same file again changes nothing.
    Every error is reported with the way to correct it. If the process is killed, the next start of
    the service finishes the import.
    """
    from app.core.secrets import load_secrets  # noqa: PLC0415
    from app.transfer.cli_import import import_file  # noqa: PLC0415
    from app.transfer.progress import report_lines, shown_progress  # noqa: PLC0415
    from app.transfer.service import ImportOptions, guess_format  # noqa: PLC0415

    settings = _load_settings()
    database = _open_migrated(settings)
    options = ImportOptions(
        bank or _only_bank(database),
        file_format or guess_format(file.name),
        state,
        create_terms=create_terms,
        dry_run=dry_run,
    )
    with shown_progress(file.name, _say) as progress:
        job = import_file(database, settings, load_secrets(settings), file, options, progress)
    database.close()
    for line in report_lines(job):
        _say(line)
    if job.state == "refused":
        sys.exit(1)


@app.command("export")
def export_questions(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write; by default standard output.")
    ] = None,
    file_format: Annotated[
        FileFormat | None,
        typer.Option(
            "--format", help="By default by the name of the file; only jsonl keeps everything."
        ),
    ] = None,
    query: Annotated[
        str,
        typer.Option(
            "--filter", help="As in GET /v1/exports, such as 'category=ensembles&state=draft'."
        ),
    ] = "",
) -> None:
    """Export questions with their answers, in a form that can be imported again."""
    from app.transfer.export import export_to  # noqa: PLC0415
    from app.transfer.service import guess_format  # noqa: PLC0415

    settings = _load_settings()
    database = _open_migrated(settings)
    if file is None:
        export_to(database, settings, sys.stdout.buffer, file_format or "jsonl", query)
    else:
        with file.open("wb") as target:
            wanted = file_format or guess_format(file.name)
            export_to(database, settings, target, wanted, query)
    database.close()


@app.command()
def render() -> None:
    """Render all published questions again, as new revisions, after a change of the renderer."""
    from app.core.secrets import load_secrets  # noqa: PLC0415
    from app.questions.render_all import render_all  # noqa: PLC0415

    settings = _load_settings()
    database = _open_migrated(settings)
    count = render_all(database, load_secrets(settings))
    database.close()
    _say(f"Rendered {count} questions again.")


@app.command()
def reindex(
    bank: Annotated[
        list[str] | None, typer.Option(help="Only this bank's index; repeatable; by default all.")
    ] = None,
) -> None:
    """Build a new search index, then replace the old one; searches work meanwhile."""
    from app.search.operations.commands import reindex as run_reindex  # noqa: PLC0415

    settings = _load_settings()
    database = _open_migrated(settings)
    run_reindex(database, settings, bank, _say)
    database.close()


@app.command()
def check(
    repair: Annotated[bool, typer.Option("--repair", help="Repair the differences.")] = False,
) -> None:
    """Compare the search index and the catalog with the published questions.

    Exit status 1 if questions are missing, stale or superfluous at the end.
    """
    from app.search.operations.commands import check_all  # noqa: PLC0415

    settings = _load_settings()
    database = _open_migrated(settings)
    is_equal = check_all(database, settings, _say, repair=repair)
    database.close()
    if not is_equal:
        sys.exit(1)


def _only_bank(database: Database) -> str:
    from app.access.models import Bank  # noqa: PLC0415

    with database.read() as session:
        slugs = session.exec(select(Bank.slug).order_by(Bank.slug)).all()
    if len(slugs) != 1:
        sys.exit(f"quizwell: give the bank by --bank; there are: {', '.join(slugs) or 'none'}")
    return slugs[0]


@app.command()
def openapi(
    check: Annotated[
        bool, typer.Option(help="Only check whether the files are up to date.")
    ] = False,
) -> None:
    """Write openapi/openapi.json and docs/errors.md from the code."""
    from app.documentation import generated_files  # noqa: PLC0415
    from app.main import create_framework  # noqa: PLC0415

    for path, text in generated_files(create_framework()).items():
        if check and (not path.exists() or path.read_text() != text):
            sys.exit(f"quizwell: {path.name} is out of date: run `make openapi`")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


@app.command()
def health() -> None:
    """Check whether the service on this host is ready; exit status 1 if it is not."""
    settings = _load_settings()
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    try:
        response = httpx.get(f"http://{host}:{settings.port}/readyz", timeout=2.0)
    except httpx.HTTPError as error:
        sys.exit(f"quizwell: no response: {error}")
    if response.status_code != 200:
        sys.exit(f"quizwell: not ready: {response.text}")


@app.command()
def restored() -> None:
    """Start a new epoch after the database was restored: workers and clients read it again."""
    from app.core.db.edition_clock import start_epoch  # noqa: PLC0415

    database = _open_migrated(_load_settings())
    with database.write() as session:
        start_epoch(session)
    database.close()
    _say("Started a new epoch: marks of the former one are no longer valid.")


def _open_migrated(settings: Settings) -> Database:
    database = Database(settings)
    if not is_migrated(database):
        sys.exit("quizwell: the tables are not up to date: run `quizwell migrate` first")
    return database


app.add_typer(key_commands(_load_settings, _open_migrated, _say), name="keys")
