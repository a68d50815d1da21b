"""Batches run each operation by itself, in order, and publish everything at the end."""

from typing import Any

import pytest

from tests.questions.examples import BODIES, published_rows
from tests.support.serving import Service

PATH = "/v1/editing/questions"


@pytest.fixture
def bank(service: Service) -> str:
    return service.make_bank()


def run(service: Service, *items: Any, **headers: str) -> list[dict[str, Any]]:
    answer = service.admin.post(f"{PATH}/batch", json={"items": list(items)}, headers=headers)
    results: Any = service.expect(answer, 200)["items"]
    return list(results)


def create(**changes: Any) -> dict[str, Any]:
    return {"op": "create", "question": BODIES["true_false"] | {"bank": "science"} | changes}


def test_valid_operations_succeed_and_invalid_ones_fail_individually(
    service: Service, bank: str
) -> None:
    live = service.make_question()
    draft = service.make_question(publish=False)
    spare = service.make_question(publish=False)
    results = run(
        service,
        create(external_id="a") | {"publish": True},
        create(external_id="a"),
        create(difficulty="tricky"),
        {"op": "update", "id": live["id"], "etag": "old", "question": {"hints": []}},
        {"op": "update", "id": live["id"], "etag": live["etag"], "question": {"points": 3}},
        {"op": "publish", "id": draft["id"], "etag": "*"},
        {"op": "withdraw", "id": live["id"], "etag": "*"},
        {"op": "restore", "id": live["id"], "etag": "*"},
        {"op": "delete", "id": spare["id"], "etag": spare["etag"]},
        {"op": "delete", "id": draft["id"]},
    )
    statuses = [item["status"] for item in results]
    assert statuses == [201, 409, 422, 412, 200, 200, 200, 409, 204, 428]
    assert [item["index"] for item in results] == list(range(10))
    problems = [item["problem"]["code"] for item in results if "problem" in item]
    assert problems == [
        "external_id_taken",
        "invalid_request",
        "revision_stale",
        "wrong_state",
        "precondition_required",
    ]
    assert results[2]["problem"]["errors"][0]["pointer"] == "/items/2/question/difficulty"
    assert service.admin.get(f"{PATH}/{spare['id']}").status_code == 404
    after = service.admin.get(f"{PATH}/{live['id']}").json()
    assert (after["points"], after["state"], after["revision"]) == (3, "draft", 2)
    assert after["etag"] == results[6]["etag"]
    public = {row[0]: row[2] for row in published_rows(service)}
    assert public[str(live["id"]).replace("-", "")] is None
    assert public[str(draft["id"]).replace("-", "")] == 1
    assert public[results[0]["id"].replace("-", "")] == 1


def test_a_refused_operation_keeps_earlier_changes_of_the_same_question(
    service: Service, bank: str
) -> None:
    taken = service.make_question(external_id="taken")
    made = service.make_question(publish=False)
    results = run(
        service,
        {"op": "update", "id": made["id"], "etag": "*", "question": {"points": 2}, "publish": True},
        {
            "op": "update",
            "id": made["id"],
            "etag": "*",
            "question": {"points": 9, "external_id": "taken"},
            "publish": True,
        },
    )
    assert [item["status"] for item in results] == [200, 409]
    assert results[1]["problem"]["context"] == {"id": taken["id"]}
    after = service.admin.get(f"{PATH}/{made['id']}").json()
    assert (after["points"], after["revision"], after["published_revision"]) == (2, 2, 2)
    assert after["external_id"] is None
    assert after["etag"] == results[0]["etag"]


def test_only_the_final_state_of_a_batch_is_published(service: Service, bank: str) -> None:
    made = service.make_question(publish=False)
    each = {"id": made["id"], "etag": "*"}
    before = published_rows(service)
    results = run(
        service,
        {"op": "publish"} | each,
        {"op": "withdraw"} | each,
        {"op": "archive"} | each,
        {"op": "restore"} | each,
    )
    assert [item["status"] for item in results] == [200] * 4
    assert published_rows(service) == before
    run(service, {"op": "publish"} | each)
    assert [row[2] for row in published_rows(service)] == [1]


def test_an_item_that_is_not_an_operation_is_refused_individually(
    service: Service, bank: str
) -> None:
    results = run(
        service,
        {"op": "explode"},
        "create",
        {"op": "create"},
        {"op": "publish", "etag": "*"},
        {"op": "create", "etag": "*", "question": {}},
        {"op": "archive", "id": "01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f", "etag": "*"},
        create(bank="other"),
        create(),
    )
    assert [item["status"] for item in results] == [422, 422, 422, 422, 422, 404, 404, 201]
    places = [item["problem"]["errors"][0]["pointer"] for item in results[:5]]
    assert places == [
        "/items/0/op",
        "/items/1",
        "/items/2/question",
        "/items/3/id",
        "/items/4/etag",
    ]


@pytest.mark.parametrize(
    "body", [{}, {"items": []}, {"items": 1}, {"items": [{}] * 1001}, {"items": [{}], "x": 1}, []]
)
def test_a_body_without_a_list_of_operations_is_refused_as_a_whole(
    service: Service, bank: str, body: Any
) -> None:
    answer = service.admin.post(f"{PATH}/batch", json=body)
    assert answer.status_code == 422, answer.text


def test_a_repeated_batch_runs_once(service: Service, bank: str) -> None:
    items = [create(), create(difficulty="no"), create(external_id="b")]
    key = {"Idempotency-Key": "twice"}
    first = run(service, *items, **key)
    second = run(service, *items, **key)
    assert first == second
    assert [item["status"] for item in first] == [201, 422, 201]
    assert service.admin.get(PATH).json()["total"] == 2


def test_publishing_in_a_batch_needs_its_own_scope(service: Service, bank: str) -> None:
    writer = service.make_key("questions:write", banks=(bank,))
    made = service.make_question(publish=False)
    items = [
        create(),
        create() | {"publish": True},
        {"op": "publish", "id": made["id"], "etag": "*"},
        {"op": "update", "id": made["id"], "etag": "*", "question": {"points": 2}},
    ]
    answer = writer.post(f"{PATH}/batch", json={"items": items})
    results: Any = service.expect(answer, 200)["items"]
    assert [item["status"] for item in results] == [201, 403, 403, 200]


def test_a_question_that_the_database_refuses_fails_individually(
    service: Service, bank: str
) -> None:
    if service.database.dialect == "sqlite":
        refuse = [
            """CREATE TRIGGER refuse BEFORE INSERT ON questions WHEN NEW.external_id = 'b'
            BEGIN SELECT RAISE(ABORT, 'refused'); END"""
        ]
    else:
        refuse = [
            """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE unique_violation; END $$""",
            """CREATE TRIGGER refuse BEFORE INSERT ON questions FOR EACH ROW
            WHEN (NEW.external_id = 'b') EXECUTE FUNCTION refuse()""",
        ]
    with service.database.write() as session:
        for statement in refuse:
            session.connection().exec_driver_sql(statement)
    items = [create(external_id=name) | {"publish": True} for name in "abca"]
    results = run(service, *items)
    assert [item["status"] for item in results] == [201, 503, 201, 409]
    assert results[1]["problem"]["code"] == "overloaded"
    assert results[3]["problem"]["context"] == {"id": results[0]["id"]}
    assert len(published_rows(service)) == service.admin.get(PATH).json()["total"] == 2


def test_a_batch_creates_a_thousand_questions(service: Service, bank: str) -> None:
    results = run(service, *(create() | {"publish": True} for _ in range(1000)))
    assert {item["status"] for item in results} == {201}
    assert len(published_rows(service)) == 1000
