"""Random draws over a running service: fair, repeatable, without repeated questions."""

from collections import Counter
from typing import Any
from uuid import uuid4

import httpx
import pytest
from scipy.stats import chisquare

from app.core.db.edition_clock import start_epoch
from tests.support.serving import Service
from tests.support.waiting import wait_until

ROUTE = "/v1/questions/random"


def _fill(service: Service, count: int, **changes: Any) -> list[str]:
    return [
        str(service.make_question(stem=f"Statement {at} holds.", **changes)["id"])
        for at in range(count)
    ]


def _draw(client: httpx.Client, **query: Any) -> dict[str, Any]:
    answer = client.get(ROUTE, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _ids(drawn: dict[str, Any]) -> list[str]:
    return [str(item["id"]) for item in drawn["items"]]


def test_an_unseeded_draw_has_no_repeats_and_no_cursor(service: Service) -> None:
    service.make_bank()
    ids = _fill(service, 6)
    drawn = _draw(service.anonymous, count=4)
    assert len(set(_ids(drawn))) == 4
    assert set(_ids(drawn)) <= set(ids)
    assert (drawn["total"], drawn["seed"], drawn["short"], drawn["next_cursor"]) == (
        6,
        None,
        False,
        None,
    )


def test_every_pair_is_drawn_equally_often(service: Service) -> None:
    service.make_bank()
    _fill(service, 5)
    seen = Counter(frozenset(_ids(_draw(service.anonymous, count=2))) for _ in range(600))
    assert len(seen) == 10
    assert chisquare(list(seen.values())).pvalue > 1e-4


def test_a_seed_repeats_and_its_cursor_visits_everything_once(service: Service) -> None:
    service.make_bank()
    ids = _fill(service, 7)
    first = _draw(service.anonymous, count=3, seed="spring")
    assert first == _draw(service.anonymous, count=3, seed="spring")
    seen = _ids(first)
    cursor = first["next_cursor"]
    while cursor:
        page = _draw(service.anonymous, count=2, cursor=cursor)
        seen += _ids(page)
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(ids)


def test_position_and_encoding_of_the_seed_parameter_do_not_matter(service: Service) -> None:
    service.make_bank()
    _fill(service, 7)
    client = service.anonymous
    long = f"{ROUTE}?count=4&difficulty={'easy&difficulty=' * 80}easy"
    spellings = [
        f"{ROUTE}?seed=a%20b&count=4&difficulty=easy",
        f"{ROUTE}?count=4&seed=a+b&difficulty=easy",
        f"{ROUTE}?count=4&difficulty=easy&seed=a%20b",
        f"{ROUTE}?count=4&difficulty=easy&%73eed=a+b",
        f"{long}&seed=a%20b",
    ]
    # The first request, the second, which is cached, and the third, which is served from the cache.
    answers = [client.get(each).json() for each in spellings * 3]
    assert {tuple(_ids(answer)) for answer in answers} == {tuple(_ids(answers[0]))}
    assert {answer["seed"] for answer in answers} == {"a b"}
    for wrong in ("seed=", "seed=a&seed=b", "seed=a&%73eed=b", f"seed={'a' * 65}", "seed=%ff"):
        refused = client.get(f"{ROUTE}?count=4&difficulty=easy&{wrong}")
        assert refused.status_code in {400, 422}, wrong


def test_a_cached_draw_expires_with_its_edition(service: Service) -> None:
    service.make_bank()
    _fill(service, 4)
    before = _draw(service.anonymous, count=20, seed="s")
    for _ in range(2):
        assert _draw(service.anonymous, count=20, seed="s") == before
    added = str(service.make_question(stem="A late statement.")["id"])
    after = _draw(service.anonymous, count=20, seed="s")
    assert [each for each in _ids(after) if each != added] == _ids(before)
    assert added in _ids(after)
    service.expect(service.admin.post(f"/v1/editing/questions/{added}/withdraw"), 200)
    assert _ids(_draw(service.anonymous, count=20, seed="s")) == _ids(before)


def test_publishing_and_withdrawing_do_not_change_the_order_of_a_seed(
    service: Service,
) -> None:
    service.make_bank()
    ids = _fill(service, 8)
    order = _ids(_draw(service.anonymous, count=8, seed="s"))
    first = _draw(service.anonymous, count=3, seed="s")
    gone = order[5]
    service.expect(service.admin.post(f"/v1/editing/questions/{gone}/withdraw"), 200)
    added = str(service.make_question(stem="A late statement.")["id"])
    rest = _draw(service.anonymous, count=20, cursor=first["next_cursor"])
    assert [each for each in _ids(rest) if each != added] == [
        each for each in order[3:] if each != gone
    ]
    assert set(_ids(rest)) <= {*ids, added}
    assert rest["short"]


def test_a_new_seed_is_returned_and_repeats_the_draw(service: Service) -> None:
    service.make_bank()
    _fill(service, 6)
    drawn = _draw(service.anonymous, count=3, seed="new")
    assert drawn["seed"] not in {None, "new"}
    assert _ids(_draw(service.anonymous, count=3, seed=drawn["seed"])) == _ids(drawn)
    follows = service.anonymous.get(ROUTE, params={"cursor": drawn["next_cursor"], "seed": "new"})
    assert follows.status_code == 200


def test_a_strict_draw_refuses_to_be_short(service: Service) -> None:
    service.make_bank()
    _fill(service, 2)
    assert _draw(service.anonymous, count=3)["short"]
    answer = service.anonymous.get(ROUTE, params={"count": 3, "strict": "true"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_enough"
    assert answer.json()["context"] == {"matching": 2}


def test_parameters_beside_a_cursor_must_be_equal_to_its_own(service: Service) -> None:
    service.make_bank()
    _fill(service, 4)
    cursor = _draw(service.anonymous, count=1, seed="s", difficulty="easy")["next_cursor"]
    same = {"cursor": cursor, "difficulty": "easy", "seed": "s", "count": 2}
    assert service.anonymous.get(ROUTE, params=same).status_code == 200
    for other in ({"difficulty": "hard"}, {"seed": "t"}, {"seed": "new"}):
        answer = service.anonymous.get(ROUTE, params={"cursor": cursor} | other)
        assert answer.status_code == 422, other
        assert answer.json()["errors"][0]["parameter"] == next(iter(other))


def test_a_cursor_of_another_epoch_is_refused(service: Service) -> None:
    service.make_bank()
    _fill(service, 3)
    cursor = _draw(service.anonymous, count=1, seed="s")["next_cursor"]
    with service.database.write() as session:
        mark = start_epoch(session)
    assert mark.epoch

    def response() -> httpx.Response:
        return service.anonymous.get(ROUTE, params={"cursor": cursor})

    wait_until(lambda: response().status_code == 410)
    assert response().json()["code"] == "resync_required"


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("count=0", "count", "invalid_value"),
        ("count=101", "count", "invalid_value"),
        ("cuont=5", "cuont", "unknown_parameter"),
        ("seed=", "seed", "invalid_value"),
        ("seed=a&seed=b", "seed", "invalid_value"),
        ("cursor=rubbish", "cursor", "invalid_value"),
        ("strict=yes", "strict", "invalid_value"),
        ("difficulty=medum", "difficulty", "unknown_value"),
        ("category=nothing-here", "category", "unknown_value"),
        ("format=pdf", "format", "unknown_value"),
    ],
)
def test_invalid_parameters_are_refused(
    service: Service, query: str, parameter: str, code: str
) -> None:
    answer = service.anonymous.get(f"{ROUTE}?{query}")
    assert answer.status_code == 422
    assert [(error["parameter"], error["code"]) for error in answer.json()["errors"]] == [
        (parameter, code)
    ]


def test_answers_are_returned_only_to_those_who_may_read_them(service: Service) -> None:
    service.make_bank(answers="restricted")
    _fill(service, 2)
    answer = service.anonymous.get(ROUTE, params={"answers": "true"})
    assert (answer.status_code, answer.json()["code"]) == (403, "answers_not_allowed")
    assert all("answer" not in item for item in _draw(service.anonymous, count=2)["items"])
    reader = service.make_key("answers:read")
    shown = reader.get(ROUTE, params={"answers": "true", "seed": "s"})
    assert all(item["answer"] == {"value": True} for item in shown.json()["items"])
    assert shown.headers["Cache-Control"] == "no-store"


def test_clients_may_cache_repeatable_draws_only(service: Service) -> None:
    service.make_bank()
    _fill(service, 2)
    unseeded = service.anonymous.get(ROUTE)
    assert unseeded.headers["Cache-Control"] == "no-store"
    assert "ETag" not in unseeded.headers
    fresh = service.anonymous.get(ROUTE, params={"seed": "new"})
    assert fresh.headers["Cache-Control"] == "no-store"
    seeded = service.anonymous.get(ROUTE, params={"seed": "s"})
    assert seeded.headers["Cache-Control"] == "public, max-age=60"
    again = service.anonymous.get(
        ROUTE, params={"seed": "s"}, headers={"If-None-Match": seeded.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_cached_draw_has_the_same_response(service: Service) -> None:
    service.make_bank()
    _fill(service, 3)
    answers = [service.anonymous.get(ROUTE, params={"seed": "s"}) for _ in range(4)]
    assert len({(each.content, each.headers["ETag"]) for each in answers}) == 1
    assert {each.headers["Cache-Control"] for each in answers} == {"public, max-age=60"}
    known = {"If-None-Match": answers[0].headers["ETag"]}
    again = service.anonymous.get(ROUTE, params={"seed": "s"}, headers=known)
    assert (again.status_code, again.content) == (304, b"")


def test_cached_draws_are_shared_by_equal_rights_only(service: Service) -> None:
    service.make_bank(read="restricted", answers="restricted")
    _fill(service, 3)
    reader, answer_reader = service.make_key("questions:read"), service.make_key("answers:read")
    for _ in range(4):
        assert len(_draw(reader, seed="s")["items"]) == 3
        shown = _draw(answer_reader, seed="s", answers="true")
        assert all("answer" in item for item in shown["items"])
    refused = reader.get(ROUTE, params={"seed": "s", "answers": "true"})
    assert (refused.status_code, refused.json()["code"]) == (403, "answers_not_allowed")
    assert all("answer" not in item for item in _draw(reader, seed="s")["items"])
    assert _draw(service.anonymous, seed="s")["items"] == []


def test_a_filter_too_long_for_a_cursor_is_sent_again_beside_it(service: Service) -> None:
    service.make_bank()
    _fill(service, 4)
    query = {"count": 1, "seed": "s", "exclude": [str(uuid4()) for _ in range(100)]}
    first = _draw(service.anonymous, **query)
    cursor = first["next_cursor"]
    assert len(cursor) < 4096
    alone = service.anonymous.get(ROUTE, params={"cursor": cursor})
    assert (alone.status_code, alone.json()["errors"][0]["parameter"]) == (422, "cursor")
    rest = _draw(service.anonymous, cursor=cursor, count=10, exclude=query["exclude"])
    assert len({*_ids(first), *_ids(rest)}) == 4
