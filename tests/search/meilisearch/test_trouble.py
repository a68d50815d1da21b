"""What searches answer while the search server is late, down or another than before."""

from collections.abc import Callable
from typing import Any

from app.core.settings import Settings
from tests.search.support.search_service import SearchService, serve_search
from tests.support.meili.fake import FakeMeili
from tests.support.serving import serving


def _server(found: SearchService) -> FakeMeili:
    assert found.server is not None
    return found.server


def _now(found: SearchService, **query: Any) -> Any:
    return found.service.anonymous.get("/v1/search", params=query)


def test_a_server_that_is_down_stops_search_and_nothing_else(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings) as found:
        found.publish("A riddle.")
        assert found.search("riddle")["engine"] == "meilisearch"
        _server(found).down()
        answer = _now(found, q="riddles")
        assert (answer.status_code, answer.json()["code"]) == (503, "search_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert _now(found, q="").json()["total"] == 1
        assert found.service.anonymous.get("/v1/questions").json()["total"] == 1
        found.publish("Another riddle.")
        assert found.service.anonymous.get("/readyz").status_code == 200
        _server(found).up()
        while (answer := _now(found, q="riddle another")).status_code == 503:
            pass
        assert answer.status_code == 200


def test_the_standby_answers_while_the_server_is_down(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings, search_standby=True) as found:
        for number in range(3):
            found.publish(f"Riddle {number}.")
        page = found.search("riddle", limit=1)
        assert page["engine"] == "meilisearch"
        _server(found).down()
        answer = found.search("riddles", limit=1)
        assert (answer["engine"], answer["total"]) == ("embedded", 3)
        # Its order is another one, so that a walk cannot go on there.
        refused = _now(found, cursor=page["next_cursor"])
        assert (refused.status_code, refused.json()["code"]) == (410, "resync_required")
        # What the standby began it can end, whether or not the server is back.
        _server(found).up()
        rest = _now(found, cursor=answer["next_cursor"])
        assert (rest.status_code, rest.json()["engine"]) == (200, "embedded")


def test_a_cursor_of_an_engine_that_is_gone_begins_anew(
    fresh_settings: Callable[..., Settings],
) -> None:
    settings = fresh_settings()
    with FakeMeili() as server:
        mirrored = settings.model_copy(update={"meili_url": server.url, "meili_key": server.key})
        with serving(mirrored) as service:
            service.make_bank()
            found = SearchService(service, server)
            for number in range(2):
                found.publish(f"Riddle {number}.")
            cursor = found.search("riddle", limit=1)["next_cursor"]
    with serving(settings) as service:
        answer = SearchService(service).search_when_indexed(cursor=cursor)
        assert (answer.status_code, answer.json()["code"]) == (410, "resync_required")


def test_an_edition_that_the_index_does_not_reach_is_told(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings) as found:
        found.publish("A riddle.")
        assert found.search("riddle")["total"] == 1
        _server(found).faults.hold = True
        found.publish("Another riddle.")
        answer = found.search_when_indexed(q="another")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_caught_up")
        assert answer.headers["Retry-After"] == "1"
        _server(found).faults.hold = False
        assert found.search("another")["total"] == 1


def test_a_late_index_shows_nothing_withdrawn_and_no_stale_highlight(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings) as found:
        changed, gone = found.publish("A riddle of old."), found.publish("A riddle too many.")
        assert found.search("riddle")["total"] == 2
        _server(found).faults.hold = True
        service = found.service
        path = f"/v1/editing/questions/{changed['id']}"
        change = {"stem": "A puzzle of now."}
        edited = service.admin.patch(path, json=change, headers={"If-Match": "*"})
        service.expect(edited, 200)
        service.expect(service.admin.post(f"{path}/publish", headers={"If-Match": "*"}), 200)
        withdrawn = service.admin.post(f"/v1/editing/questions/{gone['id']}/withdraw")
        service.expect(withdrawn, 200)
        answer = _now(found, q="riddle").json()
        assert [item["stem"] for item in answer["items"]] == ["A puzzle of now."]
        assert (answer["highlights"], answer["total"]) == ({}, 1)


def test_operators_are_told_how_search_stands(fresh_settings: Callable[..., Settings]) -> None:
    with serve_search("meilisearch", fresh_settings, search_standby=True) as found:
        found.publish("A riddle.")
        found.search("riddle")
        told = found.service.admin.get("/readyz").json()["search"]
        assert told["engine"] == "meilisearch"
        assert told["meilisearch"].keys() >= {"lag_seconds", "epoch", "pending", "quarantined"}
        assert told["embedded"]["seq"] == 1
        figures = found.service.admin.get("/metrics").text
        assert 'quizwell_search_lag_seconds{engine="meilisearch"}' in figures
        assert 'quizwell_search_mirror{figure="pending"}' in figures
        assert "search" not in found.service.anonymous.get("/readyz").json()
