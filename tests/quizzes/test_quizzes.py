"""Quizzes over a running service: they never change, and only some callers can see them."""

from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text

from app.core.db.edition_clock import start_epoch
from tests.support.serving import Service


def _fill(service: Service, count: int, **changes: Any) -> list[str]:
    return [
        str(service.make_question(stem=f"Statement {at} holds.", **changes)["id"])
        for at in range(count)
    ]


def _make(client: httpx.Client, **body: object) -> dict[str, Any]:
    answer = client.post("/v1/quizzes", json={"title": "A quiz"} | body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/quizzes/{answer.json()['id']}"
    return dict(answer.json())


def _refused(client: httpx.Client, status: int, code: str, **body: object) -> dict[str, Any]:
    answer = client.post("/v1/quizzes", json={"title": "A quiz"} | body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return dict(answer.json())


def _item_ids(quiz: dict[str, Any]) -> list[str]:
    return [str(item["id"]) for item in quiz["items"]]


def test_a_quiz_of_chosen_questions_has_their_order_and_no_answers(
    service: Service,
) -> None:
    service.make_bank()
    ids = _fill(service, 3)
    quiz = _make(service.admin, ids=[ids[2], ids[0]])
    read = service.anonymous.get(f"/v1/quizzes/{quiz['id']}").json()
    assert _item_ids(read) == [ids[2], ids[0]]
    assert read == quiz
    assert all("answer" not in item for item in read["items"])
    assert (read["question_count"], read["withdrawn"], read["language"]) == (2, [], "en")


def test_a_seeded_quiz_equals_the_seeded_draw(service: Service) -> None:
    service.make_bank()
    _fill(service, 9)
    quiz = _make(service.admin, filter={"difficulty": ["easy"]}, count=4, seed="spring")
    drawn = service.anonymous.get(
        "/v1/questions/random", params={"count": 4, "seed": "spring", "difficulty": "easy"}
    ).json()
    assert _item_ids(quiz) == _item_ids(drawn)


def test_a_quiz_does_not_change_when_its_questions_do(service: Service) -> None:
    service.make_bank()
    ids = _fill(service, 2)
    quiz = _make(service.admin, ids=ids)
    change = {"stem": "Another statement."}
    patched = service.admin.patch(
        f"/v1/editing/questions/{ids[0]}", json=change, headers={"If-Match": "*"}
    )
    service.expect(patched, 200)
    publish = service.admin.post(
        f"/v1/editing/questions/{ids[0]}/publish", headers={"If-Match": "*"}
    )
    service.expect(publish, 200)
    service.expect(service.admin.post(f"/v1/editing/questions/{ids[1]}/withdraw"), 200)
    read = service.anonymous.get(f"/v1/quizzes/{quiz['id']}").json()
    assert read["items"] == quiz["items"]
    assert read["withdrawn"] == [ids[1]]


def test_a_slug_names_the_newest_quiz_created_with_it(service: Service) -> None:
    service.make_bank()
    ids = _fill(service, 2)
    first = _make(service.admin, ids=ids[:1], slug="warm-up")
    second = service.admin.post(
        "/v1/quizzes", json={"title": "Newer", "ids": ids[1:], "slug": "warm-up"}
    )
    edition = second.headers["Quizwell-Edition"]
    by_slug = service.anonymous.get(
        "/v1/quizzes/warm-up", headers={"Quizwell-Min-Edition": edition}
    ).json()
    assert by_slug["id"] == second.json()["id"]
    assert service.anonymous.get(f"/v1/quizzes/{first['id']}").json() == first
    listed = service.anonymous.get("/v1/quizzes", params={"slug": "warm-up"}).json()
    assert [each["id"] for each in listed["items"]] == [second.json()["id"], first["id"]]
    assert listed["total"] == 2


def test_only_a_key_for_all_banks_of_the_current_quiz_reuses_its_slug(service: Service) -> None:
    service.make_bank()
    service.make_bank(slug="arts", name="Arts")
    _make(service.admin, ids=_fill(service, 1), slug="mine")
    other = service.make_key("quizzes:write", banks=("arts",))
    ids = _fill(service, 1, bank="arts")
    _refused(other, 409, "slug_taken", ids=ids, slug="mine")
    _make(other, ids=ids, slug="theirs")


def test_only_callers_who_may_read_all_banks_can_see_a_quiz(service: Service) -> None:
    service.make_bank()
    service.make_bank(slug="arts", name="Arts", read="restricted", answers="restricted")
    ids = [*_fill(service, 1), *_fill(service, 1, bank="arts")]
    quiz = _make(service.admin, ids=ids)
    unseen = service.anonymous.get(f"/v1/quizzes/{quiz['id']}")
    absent = service.anonymous.get(f"/v1/quizzes/{uuid4()}")
    assert (unseen.status_code, absent.status_code) == (404, 404)
    assert unseen.json() | {"request_id": ""} == absent.json() | {"request_id": ""}
    assert service.anonymous.get("/v1/quizzes").json()["total"] == 0
    reader = service.make_key(banks=("science", "arts"))
    assert reader.get(f"/v1/quizzes/{quiz['id']}").json() == quiz
    assert reader.get("/v1/quizzes").json()["total"] == 1
    refused = reader.get(f"/v1/quizzes/{quiz['id']}", params={"answers": "true"})
    assert (refused.status_code, refused.json()["code"]) == (403, "answers_not_allowed")


def test_a_change_of_a_bank_applies_to_existing_quizzes(service: Service) -> None:
    service.make_bank()
    quiz = _make(service.admin, ids=_fill(service, 1))
    assert service.anonymous.get(f"/v1/quizzes/{quiz['id']}").status_code == 200
    closed = service.admin.patch("/v1/editing/banks/science", json={"read": "restricted"})
    service.expect(closed, 200)
    assert service.anonymous.get(f"/v1/quizzes/{quiz['id']}").status_code == 404


def test_an_invalid_quiz_is_refused_with_the_reason(service: Service) -> None:
    service.make_bank()
    service.make_bank(slug="finals", name="Finals", exposure="exam")
    ids = _fill(service, 2)
    secret = _fill(service, 1, bank="finals")
    admin = service.admin
    refused = _refused(admin, 409, "not_enough", filter={"bank": ["science"]}, count=3)
    assert refused["context"] == {"matching": 2}
    _refused(admin, 409, "exam_bank", ids=secret)
    _refused(admin, 409, "exam_bank", filter={"bank": ["finals"]}, count=1)
    unknown = _refused(admin, 422, "invalid_request", ids=[ids[0], str(uuid4())])
    assert unknown["errors"][0]["pointer"] == "/ids/1"
    _refused(admin, 422, "invalid_request", ids=[ids[0], ids[0]])
    _refused(admin, 422, "invalid_request", ids=ids, count=2)
    _refused(admin, 422, "invalid_request")
    near = _refused(admin, 422, "invalid_request", filter={"difficulty": ["eazy"]}, count=1)
    assert near["errors"][0]["pointer"] == "/filter/difficulty"
    assert near["errors"][0]["suggestions"] == ["easy"]
    assert admin.get("/v1/quizzes").json()["total"] == 0


def test_creation_needs_the_scope_on_every_bank(service: Service) -> None:
    service.make_bank()
    ids = _fill(service, 1)
    assert service.anonymous.post("/v1/quizzes", json={}).status_code == 401
    _refused(service.make_key("questions:read"), 403, "missing_scope", title="x", ids=ids)
    service.make_bank(slug="arts", name="Arts")
    _refused(service.make_key("quizzes:write", banks=("arts",)), 422, "invalid_request", ids=ids)


def test_a_repeated_request_creates_one_quiz(service: Service) -> None:
    service.make_bank()
    body = {"title": "Once", "ids": _fill(service, 1)}
    headers = {"Idempotency-Key": "a"}
    first = service.admin.post("/v1/quizzes", json=body, headers=headers)
    again = service.admin.post("/v1/quizzes", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = service.admin.post("/v1/quizzes", json=body | {"title": "2"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert service.admin.get("/v1/quizzes").json()["total"] == 1


def test_pages_of_covers_follow_each_other(service: Service) -> None:
    service.make_bank()
    ids = _fill(service, 1)
    made = [_make(service.admin, ids=ids, title=f"Quiz {at}")["id"] for at in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = service.anonymous.get("/v1/quizzes", params=query).json()
        seen += [each["id"] for each in page["items"]]
        assert page["total"] == 5
        if page["next_cursor"] is None:
            break
        query = {"limit": 2, "cursor": page["next_cursor"]}
    assert seen == made[::-1]
    wrong = service.anonymous.get("/v1/quizzes", params=query | {"slug": "other"})
    assert wrong.status_code == 422


def test_lists_of_quizzes_have_cache_headers(service: Service) -> None:
    service.make_bank()
    _make(service.admin, ids=_fill(service, 1))
    first = service.anonymous.get("/v1/quizzes")
    assert first.headers["Cache-Control"] == "public, max-age=60"
    assert first.headers["Vary"] == "Authorization, Accept-Encoding, Quizwell-Min-Edition"
    again = {"If-None-Match": first.headers["ETag"]}
    assert service.anonymous.get("/v1/quizzes", headers=again).status_code == 304
    assert service.admin.get("/v1/quizzes").headers["Cache-Control"] == "private, no-cache"
    _make(service.admin, ids=_fill(service, 1))
    assert service.anonymous.get("/v1/quizzes", headers=again).status_code == 200


def test_a_hidden_quiz_and_an_unknown_one_get_the_same_response(
    service: Service,
) -> None:
    service.make_bank(read="restricted")
    made = service.admin.post(
        "/v1/quizzes", json={"title": "A quiz", "slug": "hidden", "ids": _fill(service, 1)}
    )
    service.expect(made, 201)
    for query in ("", "?bogus=1", "?answers=perhaps", "?format=pdf", "?answers=%ff"):
        seen = []
        for reference in (made.json()["id"], "hidden", str(uuid4()), "nowhere"):
            answer = service.anonymous.get(f"/v1/quizzes/{reference}{query}")
            seen.append((answer.status_code, answer.json() | {"request_id": ""}))
        assert seen == [seen[0]] * 4


def test_an_invalid_reference_is_not_found(service: Service) -> None:
    for reference in ("%00", "%ff", "a" * 300, "A%20B", "%F0%9F%92%A9"):
        assert service.anonymous.get(f"/v1/quizzes/{reference}").status_code == 404


def test_a_cached_quiz_is_dropped_when_the_history_is_replaced(service: Service) -> None:
    service.make_bank()
    path = f"/v1/quizzes/{_make(service.admin, ids=_fill(service, 1))['id']}"
    assert service.anonymous.get(path).status_code == 200
    with service.database.write() as session:
        for table in ("quiz_items", "quiz_banks", "quizzes"):
            session.connection().execute(text(f"DELETE FROM {table}"))
        start_epoch(session)
    for _ in range(200):
        response = service.anonymous.get(path)
        if response.status_code == 404:
            break
    assert response.status_code == 404
