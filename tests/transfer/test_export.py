"""Exports: they can be imported again unchanged, and contain only what the key may export."""

import csv
import io
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from sqlalchemy import text

from app.transfer.jobs.file_slots import try_slot
from tests.support.serving import Service
from tests.transfer.rows import json_lines, numbered_lines, question_row
from tests.transfer.sending import by_external_id, import_as_admin, question_count, send

KINDS: tuple[dict[str, Any], ...] = (
    question_row("single", companies=["acme"], evidence={"acme": {"times_seen": 3}}, tags=["viva"]),
    question_row("multiple", kind="multiple_choice", hints=["a|b", "c\\d"]),
    {
        "external_id": "true",
        "kind": "true_false",
        "stem": "=1+1 is **two**.\n\nIs it?",
        "difficulty": "medium",
        "answer": {"value": True},
    },
    {
        "external_id": "text",
        "kind": "short_text",
        "stem": "@home is what?",
        "difficulty": "hard",
        "levels": ["fresher", "advanced"],
        "answer": {"accept": ["a, b", "c|d"], "match": "exact"},
    },
    {
        "external_id": "number",
        "kind": "numeric",
        "stem": "-1 and what is $0$?",
        "difficulty": "easy",
        "unit": "km",
        "points": 2.5,
        "answer": {"value": "0.10", "tolerance": "1e-7", "tolerance_kind": "relative"},
    },
    {
        "external_id": "open",
        "kind": "open",
        "stem": "Why?",
        "difficulty": "hard",
        "answer": {"model": "Because.", "key_points": ["a"], "rubric": []},
    },
    {
        "external_id": "code",
        "kind": "code",
        "stem": "Write `f`.",
        "difficulty": "hard",
        "programming_language": "python",
        "starter": "def f(): ...",
        "answer": {"solution": "def f(): return 1", "tests": [{"call": "f()", "expected": "1"}]},
    },
)


@pytest.fixture
def bank(service: Service) -> Service:
    service.make_bank(read="restricted", answers="restricted")
    job = import_as_admin(service, json_lines(*KINDS), create_terms=True)
    assert job["error_count"] == 0, job["rows"]
    return service


def export(client: httpx.Client, query: str = "") -> bytes:
    response = client.get(f"/v1/exports?{query}")
    assert response.status_code == 200, response.text
    return response.content


def views(data: bytes) -> list[dict[str, Any]]:
    rows = [orjson.loads(line) for line in data.splitlines()]
    return sorted(rows, key=lambda row: str(row["external_id"]))


def names(data: bytes) -> set[str]:
    return {row["external_id"] for row in views(data)}


def status_and_code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_an_export_can_be_imported_unchanged(bank: Service, file_format: str) -> None:
    data = export(bank.admin, f"file_format={file_format}")
    job = import_as_admin(bank, data, name=f"export.{file_format}")
    assert job["rows"] == []
    expected = 7 if file_format == "jsonl" else 5
    assert (job["created"], job["changed"], job["unchanged"]) == (0, 0, expected)


def test_an_export_can_be_imported_into_another_bank(bank: Service) -> None:
    rows = views(export(bank.admin))
    bank.make_bank(slug="copy", name="Copy")
    moved = [row | {"bank": "copy"} for row in rows]
    assert import_as_admin(bank, json_lines(*moved), bank="copy")["created"] == 7
    copies = views(export(bank.admin, "bank=copy"))
    for row, copied in zip(rows, copies, strict=True):
        assert copied["id"] != row["id"]
        for name in row.keys() - {"id", "etag", "bank", "updated_at", "published_at", "options"}:
            assert copied[name] == row[name], name
        for option, other in zip(row.get("options", []), copied.get("options", []), strict=True):
            assert option.pop("id") != other.pop("id")
            assert option == other


def test_csv_has_no_formulas_and_leaves_out_kinds_that_it_cannot_hold(bank: Service) -> None:
    data = export(bank.admin, "file_format=csv")
    read = csv.DictReader(io.StringIO(data.decode(), newline=""))
    rows = {row["external_id"]: row for row in read}
    assert rows.keys() == {"single", "multiple", "true", "text", "number"}
    assert rows["true"]["stem"] == "'=1+1 is **two**.\n\nIs it?"
    assert rows["text"]["stem"] == "'@home is what?"
    assert rows["number"]["stem"] == "'-1 and what is $0$?"
    assert rows["single"]["correct"] == "A"
    assert rows["number"]["value"] == "0.1"
    unsupported = bank.admin.get("/v1/exports?file_format=csv&kind=open")
    assert status_and_code(unsupported) == (422, "invalid_request")


def test_the_filter_is_the_same_as_for_other_routes(bank: Service) -> None:
    assert names(export(bank.admin, "kind=open,code")) == {"open", "code"}
    assert names(export(bank.admin, "difficulty=-hard&company=-acme")) == {
        "multiple",
        "true",
        "number",
    }
    assert names(export(bank.admin, "level=fresher")) == {"text"}
    response = bank.admin.get("/v1/exports?compnay=acme")
    assert response.json()["errors"][0]["suggestions"] == ["company"]
    assert status_and_code(bank.admin.get("/v1/exports?state=publishd")) == (422, "invalid_request")


def test_the_headers_describe_the_file(bank: Service) -> None:
    response = bank.admin.get("/v1/exports?file_format=csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="questions.csv"'
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers
    head = bank.admin.head("/v1/exports")
    assert (head.status_code, head.content) == (200, b"")


def test_both_scopes_are_required_for_each_bank(bank: Service) -> None:
    bank.make_bank(slug="other", name="Other")
    import_as_admin(bank, json_lines(question_row("elsewhere")), bank="other")
    assert status_and_code(bank.anonymous.get("/v1/exports")) == (401, "key_required")
    for scopes in (("exports:read",), ("answers:read",)):
        key = bank.make_key(*scopes, banks=("science",))
        assert status_and_code(key.get("/v1/exports")) == (403, "missing_scope")
    key = bank.make_key("exports:read", "answers:read", banks=("science",))
    assert "elsewhere" not in names(export(key))
    hidden = key.get("/v1/exports?bank=other").json()
    absent = key.get("/v1/exports?bank=nowhere").json()
    assert hidden["errors"] == absent["errors"]


def test_drafts_need_the_scope_to_read_questions(bank: Service) -> None:
    bank.make_question(publish=False, external_id="draft")
    plain = bank.make_key("exports:read", "answers:read", banks=("science",))
    editor = bank.make_key("exports:read", "answers:read", "questions:read", banks=("science",))
    assert status_and_code(plain.get("/v1/exports?state=draft")) == (403, "missing_scope")
    assert names(export(editor, "state=draft")) == {"draft"}
    assert "draft" not in names(export(editor))
    assert names(export(editor, "state=draft,published")) >= {"draft", "open"}


def test_unpublished_changes_are_exported_for_editors_only(bank: Service) -> None:
    import_as_admin(
        bank, json_lines({"external_id": "open", "stem": "Why not?", "tags": []}), state="draft"
    )
    plain = bank.make_key("exports:read", "answers:read", banks=("science",))
    (live,) = views(export(plain, "kind=open"))
    (newest,) = views(export(bank.admin, "kind=open"))
    assert (live["stem"], live["revision"]) == ("Why?", 1)
    assert (newest["stem"], newest["revision"]) == ("Why not?", 2)
    assert newest["unpublished_changes"] is True


def test_a_key_may_run_two_exports_at_a_time(bank: Service) -> None:
    key = bank.make_key("exports:read", "answers:read", banks=("science",))
    with bank.database.read() as session:
        newest = session.connection().execute(text("SELECT id FROM api_keys ORDER BY id DESC"))
        value = newest.scalars().first()
    name = f"export-{UUID(str(value))}"
    with ExitStack() as stack:
        for _ in range(2):
            assert stack.enter_context(try_slot(bank.settings.data_dir / "locks", name, 2))
        response = key.get("/v1/exports")
        assert status_and_code(response) == (429, "too_many_jobs")
        assert "retry-after" in response.headers
        assert bank.admin.get("/v1/exports").status_code == 200
    for _ in range(5):
        assert key.get("/v1/exports").status_code == 200


def test_an_export_of_many_chunks_has_each_question_once(bank: Service) -> None:
    import_as_admin(bank, numbered_lines(1_203))
    data = export(bank.admin)
    rows = [orjson.loads(line)["id"] for line in data.splitlines()]
    assert len(rows) == len(set(rows)) == 1_210 == question_count(bank)
    assert rows == sorted(rows)
    assert import_as_admin(bank, data)["unchanged"] == 1_210
    assert by_external_id(bank, "q7")["revision"] == 1
    assert send(bank.admin, data, dry_run=True).json()["unchanged"] == 1_210
