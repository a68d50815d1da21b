"""The commands for files and keys, as an operator enters them."""

import re
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from app import cli
from app.access.service import ensure_admin_key
from app.core import time_and_random
from app.core.db.database import Database
from app.core.settings import Settings
from app.transfer.models import ImportJob
from app.transfer.progress import shown_progress
from tests.support.publications import make_bank
from tests.transfer.rows import json_lines, question_row


@pytest.fixture
def shell(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name in ("database_url", "data_dir", "admin_key"):
        monkeypatch.setenv(f"QUIZWELL_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("QUIZWELL_SECRET_KEYS", "one-secret-of-the-shell-" * 2)
    make_bank(database)
    with database.write() as session:
        ensure_admin_key(session, settings)
    return CliRunner()


def run(shell: CliRunner, *arguments: object, status: int = 0) -> str:
    result = shell.invoke(cli.app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result.output


def test_every_command_has_help(shell: CliRunner) -> None:
    overview = run(shell, "--help")
    for name in ("serve", "migrate", "seed", "import", "export", "keys", "render", "restored"):
        assert name in overview
    for command in ("import", "export", "render", "restored", "serve", "migrate", "health"):
        text = run(shell, command, "--help")
        assert len(text.splitlines()) > 5
    for command in ("create", "list", "revoke"):
        assert run(shell, "keys", command, "--help")


def test_a_file_is_imported_and_exported(shell: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json_lines(question_row("q1"), question_row("q2")))
    output = run(shell, "import", path, "--state", "published")
    assert "2 rows: 2 created, 0 changed, 0 unchanged" in output
    copy = tmp_path / "copy.jsonl"
    run(shell, "export", copy)
    assert {orjson.loads(line)["external_id"] for line in copy.read_bytes().splitlines()} == {
        "q1",
        "q2",
    }
    assert "2 unchanged" in run(shell, "import", copy, "--bank", "science")
    table = tmp_path / "copy.csv"
    run(shell, "export", table, "--filter", "difficulty=easy&state=published")
    assert table.read_text().startswith("external_id,kind,stem")
    assert "would be created" in run(shell, "import", table, "--dry-run")


def test_a_file_with_errors_is_refused_and_the_errors_are_printed(
    shell: CliRunner, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "external_id,kind,stem,option_a,option_b,option_c,option_d,correct,difficulty,tags\n"
        "q1,single_choice,Which?,1,2,3,4,E,easy,\n"
        "q2,single_choice,Which?,1,2,3,4,A,easy,viva\n"
    )
    output = run(shell, "import", path, status=1)
    assert "line 2, correct: 'E': The options are A to D" in output
    assert "line 3, tags: 'viva': There is no such term in tags" in output
    assert "unknown terms: viva (tags)" in output
    assert "nothing was written" in output


def test_keys_are_created_listed_and_revoked(shell: CliRunner) -> None:
    made = run(
        shell, "keys", "create", "Editors", "--scope", "questions:write", "--bank", "science"
    )
    secret = made.splitlines()[-1]
    assert re.fullmatch(r"qw_sk_[A-Za-z0-9_-]{40,}", secret)
    key_id = re.search(r"Created key (\S+)\.", made)
    assert key_id is not None
    listed = run(shell, "keys", "list")
    assert secret not in listed
    assert f"{key_id[1]}  {secret[:12]}" in listed
    assert "Editors: questions:write; banks science; no expiry; last used never" in listed
    assert "Revoked" in run(shell, "keys", "revoke", key_id[1])
    assert key_id[1] not in run(shell, "keys", "list")


def test_render_gives_each_live_question_a_new_revision(shell: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json_lines(question_row("q1"), question_row("q2")))
    run(shell, "import", path, "--state", "published")
    assert "Rendered 2 questions again" in run(shell, "render")
    copy = tmp_path / "copy.jsonl"
    run(shell, "export", copy)
    rows = [orjson.loads(line) for line in copy.read_bytes().splitlines()]
    assert [(row["revision"], row["published_revision"]) for row in rows] == [(2, 2), (2, 2)]
    assert "2 unchanged" in run(shell, "import", path, "--state", "published")


def test_progress_is_printed_as_lines_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.core.progress.LINE_SECONDS", 0.0)
    job = ImportJob(
        id=time_and_random.uuid7(),
        key_id=None,
        bank="science",
        file_format="jsonl",
        size=1,
        target="draft",
        created_at=time_and_random.now(),
        state="applying",
        done=5,
        of=20,
    )
    printed: list[str] = []
    with shown_progress("rows.jsonl", printed.append) as progress:
        progress(job)
    assert printed == ["rows.jsonl: applying, 5 of 20 rows"]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with shown_progress("rows.jsonl", printed.append) as progress:
        progress(job)
    assert len(printed) == 1
