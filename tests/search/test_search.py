"""GET /v1/search, on both engines."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.catalog.http.fast_routes import FastRoutes
from app.core.settings import Settings
from app.search.router import register
from tests.search.support.search_service import SearchService, serve_search

ENGINES = ("embedded", "meilisearch")


@pytest.fixture(params=ENGINES)
def found(
    request: pytest.FixtureRequest, fresh_settings: Callable[..., Settings]
) -> Iterator[SearchService]:
    with serve_search(request.param, fresh_settings) as running:
        yield running


def _codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["parameter"], error["code"]) for error in answer.json()["errors"]]


def test_unfinished_and_misspelt_words_are_found(found: SearchService) -> None:
    found.publish("What does gradient descent minimise?")
    found.publish("How deep is a decision tree?")
    for q in ("gradient desc", "gradiant descent", "descent gradient", "GRADIENT"):
        assert found.stems(q) == ["What does gradient descent minimise?"], q
    answer = found.search("gradient desc")
    assert (answer["total"], answer["total_capped"], answer["next_cursor"]) == (1, False, None)
    assert answer["engine"] in ENGINES
    assert answer["reason"] is None


def test_highlights_are_safe_html(found: SearchService) -> None:
    made = found.publish('Is `<script>alert("x")</script>` a ridge & a **penalty**?')
    answer = found.search("ridge penalty")
    assert answer["highlights"][made["id"]]["stem"] == (
        "Is &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; a <mark>ridge</mark> &amp; a "
        "<mark>penalty</mark>?"
    )


def test_the_filter_works_as_in_other_routes(found: SearchService) -> None:
    for difficulty in ("easy", "medium", "hard"):
        found.publish(f"A {difficulty} riddle.", difficulty=difficulty)
    assert found.stems("riddle", difficulty="medium") == ["A medium riddle."]
    assert set(found.stems("riddle", difficulty="-medium")) == {"A easy riddle.", "A hard riddle."}
    answer = found.search_when_indexed(q="riddle", dificulty="easy", level="expert")
    assert (answer.status_code, _codes(answer)) == (422, [("dificulty", "unknown_parameter")])


def test_a_facet_counts_the_hits_without_its_own_parameter(found: SearchService) -> None:
    found.publish("A plain riddle.", difficulty="easy", levels=["intern"])
    found.publish("A nasty riddle.", difficulty="hard", levels=["fresher"])
    found.publish("Nothing of that kind.", difficulty="hard")
    facets = found.search("riddle", difficulty="hard", facets="true")["facets"]
    shown = {name: {item["slug"]: item["count"] for item in facets[name]} for name in facets}
    assert shown["difficulty"] == {"easy": 1, "hard": 1}
    assert shown["level"] == {"fresher": 1}
    assert "facets" not in found.search("riddle")


def test_pages_contain_each_question_once(found: SearchService) -> None:
    for number in range(23):
        found.publish(f"Riddle of number {number}.", difficulty="easy" if number % 2 else "hard")
    page = found.search("riddle", difficulty="hard", limit=5)
    assert page["total"] == 12
    seen = [item["id"] for item in page["items"]]
    while page["next_cursor"] is not None:
        page = found.search_when_indexed(cursor=page["next_cursor"], limit=4).json()
        seen += [item["id"] for item in page["items"]]
    assert len(seen) == len(set(seen)) == 12


def test_parameters_beside_a_cursor_must_be_equal_to_its_own(found: SearchService) -> None:
    for number in range(3):
        found.publish(f"Riddle of number {number}.")
    cursor = found.search("  Riddle ", limit=1)["next_cursor"]
    assert len(found.search("Riddle", cursor=cursor)["items"]) == 2
    assert _codes(found.search_when_indexed(q="riddles", cursor=cursor)) == [("q", "invalid_value")]
    answer = found.search_when_indexed(cursor=cursor, difficulty="easy")
    assert _codes(answer) == [("difficulty", "invalid_value")]
    assert _codes(found.search_when_indexed(cursor=cursor[:-2])) == [("cursor", "invalid_value")]


@pytest.mark.parametrize("q", ["", "  ", "?!"])
def test_without_words_everything_is_listed_newest_first(found: SearchService, q: str) -> None:
    for number in range(5):
        found.publish(f"Riddle {number}.")
    page = found.search(q, limit=3)
    assert [item["stem"] for item in page["items"]] == ["Riddle 4.", "Riddle 3.", "Riddle 2."]
    assert page["total"] == 5
    page = found.search(q, cursor=page["next_cursor"])
    assert [item["stem"] for item in page["items"]] == ["Riddle 1.", "Riddle 0."]
    assert page["next_cursor"] is None


def test_a_search_that_finds_nothing_says_why(found: SearchService) -> None:
    found.publish("An easy riddle.", difficulty="easy")
    reason = {"corrected": None, "excluded_by": "filter", "without_filter": 1}
    assert found.search("riddle", difficulty="hard")["reason"] == reason
    assert found.search("", difficulty="hard")["reason"] == reason
    nothing = {"corrected": None, "excluded_by": None, "without_filter": 0}
    assert found.search("zymurgy", difficulty="hard")["reason"] == nothing
    assert found.search("zymurgy")["reason"] == nothing


def test_corrected_words_are_returned(fresh_settings: Callable[..., Settings]) -> None:
    with serve_search("embedded", fresh_settings) as found:
        found.publish("What does gradient descent minimise?", difficulty="easy")
        assert found.search("gradiant descent")["corrected"] == "gradient descent"
        reason = found.search("gradiant descent", difficulty="hard")["reason"]
        assert reason["corrected"] == "gradient descent"


def test_a_query_that_is_too_long_is_refused(found: SearchService) -> None:
    for q in ("x" * 201, " ".join("abcdefghijklm")):
        answer = found.search_when_indexed(q=q)
        assert (answer.status_code, _codes(answer)) == (422, [("q", "invalid_value")])
    assert found.search_when_indexed(q=" ".join("abcdefghijkl")).status_code == 200


def test_banks_that_the_caller_may_not_read_are_not_searched(found: SearchService) -> None:
    found.service.make_bank(slug="secret", name="Secret", read="restricted")
    found.publish("A hidden riddle.", bank="secret")
    answer = found.search("riddle")
    assert (answer["total"], answer["reason"]["without_filter"]) == (0, 0)
    key = found.service.make_key("questions:read", banks=("secret",))
    assert found.search_as(key, q="riddle").json()["total"] == 1
    assert found.search_when_indexed(q="riddle", bank="secret").status_code == 422


def test_only_public_answers_are_searched(found: SearchService) -> None:
    explained = {"explanation": "Because of refraction."}
    found.publish("Why is a straw bent in water?", **explained)
    assert found.search("refraction")["total"] == 1
    rules = {"answers": "restricted"}
    changed = found.service.admin.patch("/v1/editing/banks/science", json=rules)
    found.service.expect(changed, 200)
    # The next request, although the index may still contain the answers.
    answer = found.service.anonymous.get("/v1/search", params={"q": "refraction"})
    assert answer.json()["total"] == 0
    assert found.search_as(found.service.admin, q="refraction").json()["total"] == 0


def test_answers_are_returned_with_the_right_to_them(found: SearchService) -> None:
    found.publish("Water is wet.", answer={"value": True}, explanation="So it **is**.")
    item = found.search("water", answers="true", format="html")["items"][0]
    assert item["answer"] == {"value": True}
    assert item["explanation"] == "<p>So it <strong>is</strong>.</p>"
    found.service.make_bank(slug="closed", name="Closed", answers="restricted")
    refused = found.search_when_indexed(q="water", answers="true", bank="closed")
    assert (refused.status_code, refused.json()["code"]) == (403, "answers_not_allowed")


def test_an_exam_bank_is_not_searched(found: SearchService) -> None:
    found.publish("A riddle for the exam.")
    assert found.search("riddle")["total"] == 1
    rules = {"read": "restricted", "answers": "restricted", "exposure": "exam"}
    changed = found.service.admin.patch("/v1/editing/banks/science", json=rules)
    found.service.expect(changed, 200)
    assert found.service.admin.get("/v1/search", params={"q": "riddle"}).json()["total"] == 0


def test_a_withdrawn_question_is_not_found(found: SearchService) -> None:
    remaining, withdrawn = (
        found.publish("A riddle to keep."),
        found.publish("A riddle to take back."),
    )
    assert found.search("riddle")["total"] == 2
    path = f"/v1/editing/questions/{withdrawn['id']}/withdraw"
    found.service.expect(found.service.admin.post(path), 200)
    answer = found.service.anonymous.get("/v1/search", params={"q": "riddle"}).json()
    assert [item["id"] for item in answer["items"]] == [remaining["id"]]
    assert answer["total"] == 1


def test_a_search_has_cache_headers(found: SearchService) -> None:
    found.publish("A riddle.")
    first = found.search_when_indexed(q="riddle")
    assert first.headers["Cache-Control"] == "public, max-age=60"
    again = found.service.anonymous.get(
        "/v1/search", params={"q": "riddle"}, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert again.status_code == 304
    assert found.search_as(found.service.admin, q="riddle").headers["Cache-Control"] == (
        "private, no-cache"
    )
    found.publish("Another riddle.")
    assert found.search("riddle")["total"] == 2


def test_the_time_of_a_search_is_charged(found: SearchService) -> None:
    routes = FastRoutes()
    register(routes, found.service)  # type: ignore[arg-type] # it is not called
    route = routes.find("/v1/search")
    assert route is not None
    assert route[2] is True
