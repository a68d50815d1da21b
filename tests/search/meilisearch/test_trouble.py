"""The search route while the search server is late, down, or was replaced."""

from collections.abc import Callable
from typing import Any

from app.core.settings import Settings
from tests.search.support.search_service import SearchService, serve_search
from tests.support.meili.fake import FakeMeili
from tests.support.serving import serving


def _server(found: SearchService) -> FakeMeili:
    assert found.server is not None
    return found.server


def _search_now(found: SearchService, **query: Any) -> Any:
    return found.service.anonymous.get("/v1/search", params=query)


def test_only_searches_fail_while_the_server_is_down(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings) as found:
        found.publish("A riddle.")
        assert found.search("riddle")["engine"] == "meilisearch"
        _server(found).down()
        response = _search_now(found, q="riddles")
        assert (response.status_code, response.json()["code"]) == (503, "search_unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert _search_now(found, q="").json()["total"] == 1
        assert found.service.anonymous.get("/v1/questions").json()["total"] == 1
        found.publish("Another riddle.")
        assert found.service.anonymous.get("/readyz").status_code == 200
        _server(found).up()
        while (response := _search_now(found, q="riddle another")).status_code == 503:
            pass
        assert response.status_code == 200


def test_the_standby_engine_searches_while_the_server_is_down(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings, search_standby=True) as found:
        for number in range(3):
            found.publish(f"Riddle {number}.")
        page = found.search("riddle", limit=1)
        assert page["engine"] == "meilisearch"
        _server(found).down()
        page_of_standby = found.search("riddles", limit=1)
        assert (page_of_standby["engine"], page_of_standby["total"]) == ("embedded", 3)
        # The standby orders hits differently, so a cursor of the other engine is refused.
        refused = _search_now(found, cursor=page["next_cursor"])
        assert (refused.status_code, refused.json()["code"]) == (410, "resync_required")
        # A cursor of the standby stays valid, even when the server is back.
        _server(found).up()
        next_page = _search_now(found, cursor=page_of_standby["next_cursor"])
        assert (next_page.status_code, next_page.json()["engine"]) == (200, "embedded")


def test_a_cursor_of_an_engine_that_was_removed_is_refused(
    fresh_settings: Callable[..., Settings],
) -> None:
    settings = fresh_settings()
    with FakeMeili() as server:
        with_server = settings.model_copy(update={"meili_url": server.url, "meili_key": server.key})
        with serving(with_server) as service:
            service.make_bank()
            found = SearchService(service, server)
            for number in range(2):
                found.publish(f"Riddle {number}.")
            cursor = found.search("riddle", limit=1)["next_cursor"]
    with serving(settings) as service:
        response = SearchService(service).search_when_indexed(cursor=cursor)
        assert (response.status_code, response.json()["code"]) == (410, "resync_required")


def test_search_fails_while_the_index_has_not_reached_the_edition(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings) as found:
        found.publish("A riddle.")
        assert found.search("riddle")["total"] == 1
        _server(found).faults.hold_tasks = True
        found.publish("Another riddle.")
        response = found.search_when_indexed(q="another")
        assert (response.status_code, response.json()["code"]) == (503, "not_caught_up")
        assert response.headers["Retry-After"] == "1"
        _server(found).faults.hold_tasks = False
        assert found.search("another")["total"] == 1


def test_a_late_index_gives_no_withdrawn_question_and_no_stale_highlight(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("meilisearch", fresh_settings) as found:
        changed, gone = found.publish("A riddle of old."), found.publish("A riddle too many.")
        assert found.search("riddle")["total"] == 2
        _server(found).faults.hold_tasks = True
        service = found.service
        path = f"/v1/editing/questions/{changed['id']}"
        change = {"stem": "A puzzle of now."}
        edited = service.admin.patch(path, json=change, headers={"If-Match": "*"})
        service.expect(edited, 200)
        service.expect(service.admin.post(f"{path}/publish", headers={"If-Match": "*"}), 200)
        withdrawn = service.admin.post(f"/v1/editing/questions/{gone['id']}/withdraw")
        service.expect(withdrawn, 200)
        response = _search_now(found, q="riddle").json()
        assert [item["stem"] for item in response["items"]] == ["A puzzle of now."]
        assert (response["highlights"], response["total"]) == ({}, 1)


def test_operators_can_read_the_state_of_search(fresh_settings: Callable[..., Settings]) -> None:
    with serve_search("meilisearch", fresh_settings, search_standby=True) as found:
        found.publish("A riddle.")
        found.search("riddle")
        details = found.service.admin.get("/readyz").json()["search"]
        assert details["engine"] == "meilisearch"
        assert details["meilisearch"].keys() >= {"lag_seconds", "epoch", "pending", "quarantined"}
        assert details["embedded"]["seq"] == 1
        figures = found.service.admin.get("/metrics").text
        assert 'quizwell_search_lag_seconds{engine="meilisearch"}' in figures
        assert 'quizwell_search_mirror{figure="pending"}' in figures
        assert "search" not in found.service.anonymous.get("/readyz").json()
