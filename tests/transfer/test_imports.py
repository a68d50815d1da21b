"""Imports over HTTP: all rows or none, a repeated file changes nothing, errors are reported."""

import pytest

from tests.support.serving import Service
from tests.transfer.rows import json_lines, numbered_lines, question_row
from tests.transfer.sending import (
    by_external_id,
    import_as_admin,
    question_count,
    send,
    wait_for_end,
)


@pytest.fixture
def bank(service: Service) -> Service:
    service.make_bank()
    return service


def test_a_file_is_written_and_published(bank: Service) -> None:
    job = import_as_admin(bank, numbered_lines(25))
    assert (job["state"], job["done"], job["of"]) == ("done", 25, 25)
    assert (job["created"], job["changed"], job["unchanged"]) == (25, 0, 0)
    assert bank.anonymous.get("/v1/questions").json()["total"] == 25


def test_drafts_are_written_and_not_delivered(bank: Service) -> None:
    assert import_as_admin(bank, json_lines(question_row("q1")), state="draft")["created"] == 1
    assert bank.anonymous.get("/v1/questions").json()["total"] == 0
    assert by_external_id(bank, "q1")["state"] == "draft"
    assert import_as_admin(bank, json_lines(question_row("q1")))["changed"] == 1
    assert by_external_id(bank, "q1")["state"] == "published"
    assert by_external_id(bank, "q1")["revision"] == 1


def test_nothing_is_written_if_one_row_has_an_error(bank: Service) -> None:
    rows = [question_row(f"q{number}") for number in range(50)]
    rows[30] |= {"difficulty": "fiendish"}
    rows[40]["stem"] = None
    job = import_as_admin(bank, json_lines(*rows))
    assert (job["state"], job["created"], job["error_count"]) == ("refused", 49 - 1, 2)
    found = [(row["line"], row["field"], row["code"], row["value"]) for row in job["rows"]]
    assert found == [
        (31, "difficulty", "unknown_value", "fiendish"),
        (41, "stem", "missing_value", None),
    ]
    assert "easy" in job["rows"][0]["hint"]
    assert question_count(bank) == 0


def test_an_error_in_a_cell_has_line_column_value_and_hint(bank: Service) -> None:
    header = "external_id,kind,stem,option_a,option_b,option_c,option_d,correct,difficulty"
    rows = [f"q{number},single_choice,Which?,1,2,3,4,A,easy" for number in range(2, 214)]
    bad = "q214,single_choice,Which?,1,2,3,4,E,easy"
    job = import_as_admin(bank, "\n".join([header, *rows, bad]).encode(), name="rows.csv")
    assert job["rows"] == [
        {
            "line": 214,
            "field": "correct",
            "code": "unknown_value",
            "value": "E",
            "hint": "The options are A to D; name the letter of each key, joined by |.",
        }
    ]


def test_the_same_file_again_changes_nothing(bank: Service) -> None:
    data = numbered_lines(20)
    import_as_admin(bank, data)
    before = [by_external_id(bank, "q7"), bank.anonymous.get("/v1/changes").json()["mark"]]
    job = import_as_admin(bank, data)
    assert (job["created"], job["changed"], job["unchanged"]) == (0, 0, 20)
    after = [by_external_id(bank, "q7"), bank.anonymous.get("/v1/changes").json()["mark"]]
    assert after == before


def test_rows_change_the_question_with_their_external_id(bank: Service) -> None:
    import_as_admin(bank, json_lines(question_row("q1", hints=["Look."], explanation="Because.")))
    before = by_external_id(bank, "q1")
    job = import_as_admin(
        bank, json_lines({"external_id": "q1", "stem": "Which?", "explanation": None})
    )
    assert (job["state"], job["changed"]) == ("done", 1)
    after = by_external_id(bank, "q1")
    assert (after["stem"], after["explanation"], after["hints"]) == ("Which?", None, ["Look."])
    assert (after["id"], after["revision"], after["published_revision"]) == (before["id"], 2, 2)
    assert after["options"] == before["options"]


def test_options_with_the_same_text_keep_their_ids(bank: Service) -> None:
    import_as_admin(bank, json_lines(question_row("q1")))
    before = {option["text"]: option["id"] for option in by_external_id(bank, "q1")["options"]}
    texts = ["none of the kind", "that one", "this one"]
    options = [{"text": text, "key": text == "that one"} for text in texts]
    import_as_admin(bank, json_lines({"external_id": "q1", "options": options}))
    after = {option["text"]: option["id"] for option in by_external_id(bank, "q1")["options"]}
    assert after["that one"] == before["that one"]
    assert after["this one"] == before["this one"]
    assert after["none of the kind"] not in before.values()


def test_a_row_is_matched_by_an_id_of_the_bank_and_an_id_of_another_bank_is_replaced(
    bank: Service,
) -> None:
    bank.make_bank(slug="history", name="History")
    mine = bank.make_question()
    theirs = bank.make_question(bank="history")
    rows = [
        {"id": mine["id"], "stem": "Matched by id."},
        question_row("q2", id=theirs["id"]),
    ]
    job = import_as_admin(bank, json_lines(*rows))
    assert (job["created"], job["changed"]) == (1, 1)
    read = bank.admin.get(f"/v1/editing/questions/{mine['id']}").json()
    assert (read["stem"], read["external_id"]) == ("Matched by id.", None)
    assert by_external_id(bank, "q2")["id"] != theirs["id"]
    untouched = bank.admin.get(f"/v1/editing/questions/{theirs['id']}").json()
    assert untouched["revision"] == 1


def test_a_row_with_an_id_can_set_the_external_id_and_cannot_remove_it(bank: Service) -> None:
    made = bank.make_question()
    import_as_admin(bank, json_lines({"id": made["id"], "external_id": "named"}))
    assert by_external_id(bank, "named")["id"] == made["id"]
    assert (
        import_as_admin(bank, json_lines({"id": made["id"], "external_id": None}))["unchanged"] == 1
    )
    assert by_external_id(bank, "named")["id"] == made["id"]


def test_a_row_of_another_bank_is_refused(bank: Service) -> None:
    bank.make_bank(slug="history", name="History")
    job = import_as_admin(
        bank, json_lines(question_row("q1", bank="history"), question_row("q2", bank="science"))
    )
    assert [(row["line"], row["field"]) for row in job["rows"]] == [(1, "bank")]


def test_two_rows_for_the_same_question_are_refused(bank: Service) -> None:
    made = bank.make_question(external_id="old")
    rows = [
        question_row("q1"),
        question_row("q2"),
        question_row("q1"),
        {"external_id": "old", "difficulty": "hard"},
        {"id": made["id"], "difficulty": "medium"},
        {"id": made["id"], "external_id": "q2"},
    ]
    job = import_as_admin(bank, json_lines(*rows))
    assert {row["line"] for row in job["rows"]} >= {3, 5, 6}
    assert all("the same question" in row["hint"] for row in job["rows"])


def test_a_question_never_changes_its_kind(bank: Service) -> None:
    import_as_admin(bank, json_lines(question_row("q1")))
    job = import_as_admin(bank, json_lines({"external_id": "q1", "kind": "open"}))
    assert [(row["field"], row["code"]) for row in job["rows"]] == [("kind", "read_only")]


def test_a_dry_run_reports_the_changes_and_writes_nothing(bank: Service) -> None:
    import_as_admin(bank, json_lines(question_row("q1"), question_row("q2")))
    rows = [question_row("q1"), question_row("q2", stem="Another?"), question_row("q3")]
    job = import_as_admin(bank, json_lines(*rows), dry_run=True)
    assert (job["state"], job["dry_run"], job["of"]) == ("done", True, 3)
    assert (job["created"], job["changed"], job["unchanged"]) == (1, 1, 1)
    assert question_count(bank) == 2
    assert by_external_id(bank, "q2")["stem"] == "Which one is q2?"


def test_unknown_terms_are_errors_with_suggestions(bank: Service) -> None:
    term = {"slug": "ensembles", "name": "Ensembles", "description": "", "aliases": ["forests"]}
    bank.expect(bank.admin.post("/v1/editing/categories", json=term), 201)
    rows = [
        question_row("q1", categories=["Forests"]),
        question_row("q2", categories=["ensemble"], tags=["viva"]),
        question_row("q3", tags=["viva"]),
    ]
    job = import_as_admin(bank, json_lines(*rows))
    assert job["unknown_terms"] == [
        {"vocabulary": "categories", "value": "ensemble"},
        {"vocabulary": "tags", "value": "viva"},
    ]
    assert [(row["line"], row["field"]) for row in job["rows"]] == [
        (2, "categories"),
        (2, "tags"),
        (3, "tags"),
    ]
    assert "ensembles" in job["rows"][0]["hint"]
    assert "create_terms=true" in job["rows"][1]["hint"]


def test_create_terms_creates_each_unknown_term_once(bank: Service) -> None:
    rows = [
        question_row("q1", categories=["Graph theory"], companies=["C++ Ltd"], tags=["viva"]),
        question_row(
            "q2", categories=["graph-theory"], companies=["C Ltd"], tags=["Viva", "lab viva"]
        ),
    ]
    evidence = {"C++ Ltd": {"source": "a forum", "first_seen": "2026-01-02"}}
    rows[0]["evidence"] = evidence
    job = import_as_admin(bank, json_lines(*rows), create_terms=True)
    assert (job["state"], job["error_count"], job["created"]) == ("done", 0, 2)
    view = by_external_id(bank, "q1")
    assert view["categories"] == ["graph-theory"]
    assert view["companies"] == ["c-plus-ltd"] or view["companies"] == ["c-plus-plus-ltd"]
    assert view["evidence"][view["companies"][0]]["first_seen"] == "2026-01-02"
    assert by_external_id(bank, "q2")["companies"] == ["c-ltd"]
    assert by_external_id(bank, "q2")["tags"] == ["viva", "lab-viva"]
    names = [term["name"] for term in bank.anonymous.get("/v1/categories").json()["items"]]
    assert names == ["Graph theory"]
    again = import_as_admin(bank, json_lines(*rows), create_terms=True)
    assert (again["unchanged"], again["unknown_terms"]) == (2, [])


def test_malformed_lines_are_errors_of_the_report(
    bank: Service,
) -> None:
    job = import_as_admin(bank, b'{"kind"\n\n[]\n' + json_lines(question_row("q1")))
    assert [(row["line"], row["code"]) for row in job["rows"]] == [
        (1, "malformed_json"),
        (3, "malformed_json"),
    ]


def test_an_unknown_field_is_an_error_of_its_row(bank: Service) -> None:
    job = import_as_admin(bank, json_lines(question_row("q1", answr={"value": True})))
    assert [(row["field"], row["code"]) for row in job["rows"]] == [("answr", "unknown_field")]


def test_a_file_with_an_unknown_column_is_not_accepted(bank: Service) -> None:
    response = send(bank.admin, b"kind,stem,compnies\n", name="rows.csv")
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["pointer"], error["suggestions"]) == ("/file/compnies", ["companies"])


def test_with_wait_0_the_response_is_202_and_the_job_can_be_polled(bank: Service) -> None:
    rows = numbered_lines(300)
    response = send(bank.admin, rows, wait=0)
    assert response.status_code == 202
    assert response.headers["Location"] == f"/v1/imports/{response.json()['id']}"
    job = wait_for_end(bank.admin, response.json()["id"])
    assert (job["state"], job["created"], job["done"]) == ("done", 300, 300)


def test_the_csv_template_can_be_imported_unchanged(bank: Service) -> None:
    template = bank.anonymous.get("/v1/imports/template.csv")
    assert template.headers["content-type"] == "text/csv; charset=utf-8"
    job = import_as_admin(bank, template.content, name="template.csv")
    assert (job["state"], job["created"], job["error_count"]) == ("done", 5, 0)


def test_a_repeated_idempotency_key_imports_the_file_once(bank: Service) -> None:
    data = json_lines(question_row("q1"))
    bank.admin.headers["Idempotency-Key"] = "once"
    first, second = send(bank.admin, data).json(), send(bank.admin, data).json()
    assert first["id"] == second["id"]
    other = send(bank.admin, json_lines(question_row("q2")))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    del bank.admin.headers["Idempotency-Key"]
    assert question_count(bank) == 1


def test_options_are_not_delivered_in_the_order_of_the_file(bank: Service) -> None:
    names = [f"q{number}" for number in range(60)]
    import_as_admin(bank, json_lines(*(question_row(name) for name in names)))
    delivered = bank.anonymous.get("/v1/questions?limit=100&answers=true").json()["items"]
    positions = [
        [option["id"] for option in item["options"]].index(item["answer"]["options"][0])
        for item in delivered
    ]
    # By chance, sixty keys miss one of the three positions once in 10**10 runs.
    assert set(positions) == {0, 1, 2}
    assert max(positions.count(position) for position in range(3)) < 40


def test_removing_a_company_removes_its_evidence(bank: Service) -> None:
    rows = question_row("q1", companies=["acme"], evidence={"acme": {"source": "outline"}})
    import_as_admin(bank, json_lines(rows), create_terms=True)
    import_as_admin(bank, json_lines({"external_id": "q1", "companies": []}))
    view = by_external_id(bank, "q1")
    assert (view["companies"], view["evidence"]) == ([], {})


def test_archived_questions_are_not_published_by_an_import(bank: Service) -> None:
    import_as_admin(bank, json_lines(question_row("q1")))
    view = by_external_id(bank, "q1")
    headers = {"If-Match": "*"}
    path = f"/v1/editing/questions/{view['id']}/archive"
    bank.expect(bank.admin.post(path, headers=headers), 200)
    job = import_as_admin(bank, json_lines(question_row("q1")))
    assert [(row["field"], row["value"]) for row in job["rows"]] == [("state", "archived")]
    assert (
        import_as_admin(bank, json_lines(question_row("q1", stem="New?")), state="draft")["changed"]
        == 1
    )
    assert by_external_id(bank, "q1")["state"] == "archived"
