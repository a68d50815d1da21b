"""Delivery routes are answered before the framework, which only documents them."""

from uuid import UUID

import httpx
import pytest
from fastapi.routing import APIRoute

import app.catalog.router
import app.draws.router
import app.quizzes.router
import app.search.router
from app.catalog.http.fast_routes import FastRoutes
from tests.catalog.support import make_question
from tests.support.serving import Service

PER_REQUEST = {"date", "ratelimit"}
PLAIN = {"Accept-Encoding": "identity"}
UNKNOWN = UUID(int=7)
ROUTERS = (
    app.catalog.router.router,
    app.catalog.router.terms,
    app.draws.router.router,
    app.quizzes.router.router,
    app.search.router.router,
)
DOCUMENTED_PATHS = [
    route.path
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or ())
]


def _head(response: httpx.Response) -> tuple[int, dict[str, str]]:
    headers = {name: value for name, value in response.headers.items() if name not in PER_REQUEST}
    return response.status_code, headers


def _concrete(path: str) -> str:
    return path.replace("{question_id:uuid}", str(UNKNOWN)).replace("{reference}", "no-quiz")


def test_get_and_head_differ_in_the_body_only(service: Service) -> None:
    service.make_bank()
    service.make_bank(slug="closed", name="Closed", read="restricted", answers="restricted")
    questions = [service.make_question(stem=f"Is it *so*, {number}?") for number in range(30)]
    closed = service.make_question(bank="closed")
    cursor = service.anonymous.get("/v1/questions?limit=3").json()["next_cursor"]
    mark = service.anonymous.get("/v1/changes?limit=3").json()["mark"]
    addresses = [
        "/v1/questions",
        "/v1/questions?limit=2&difficulty=easy&kind=-open&answers=true",
        f"/v1/questions?limit=2&cursor={cursor}",
        "/v1/questions?limit=3&format=html",
        "/v1/questions?limit=3&format=nodes&answers=true",
        "/v1/questions?sort=sideways",
        "/v1/questions?bank=nowhere",
        f"/v1/questions?cursor={cursor}x",
        f"/v1/questions/{questions[0]['id']}",
        f"/v1/questions/{questions[0]['id']}?format=text&answers=true",
        f"/v1/questions/{questions[0]['id']}?colour=red",
        f"/v1/questions/{closed['id']}",
        f"/v1/questions/{UNKNOWN}",
        "/v1/questions/no-id-at-all",
        "/v1/facets?level=intern",
        "/v1/facets?limit=1",
        "/v1/categories",
        "/v1/companies?limit=1",
        "/v1/tags?tag_all=x",
        "/v1/banks",
        "/v1/changes?limit=1000",
        f"/v1/changes?limit=5&after={mark}",
        "/v1/changes?after=x",
    ]
    statuses = set()
    for client in (service.anonymous, service.admin):
        for address in addresses:
            for headers in (PLAIN, PLAIN | {"If-None-Match": "*"}):
                by_get = client.get(address, headers=headers)
                by_head = client.head(address, headers=headers)
                assert _head(by_head) == _head(by_get), address
                assert by_head.content == b""
                statuses.add(by_get.status_code)
    assert statuses == {200, 304, 404, 410, 422}


def test_every_documented_route_has_a_fast_route(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = FastRoutes.find
    found: list[str] = []

    def record(routes: FastRoutes, path: str) -> object:
        route = find(routes, path)
        if route is not None:
            found.append(route[0])
        return route

    monkeypatch.setattr(FastRoutes, "find", record)
    for path in DOCUMENTED_PATHS:
        service.anonymous.get(_concrete(path))
    assert found == [path.replace(":uuid", "") for path in DOCUMENTED_PATHS]


def test_the_framework_answers_no_documented_route(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FastRoutes, "find", lambda *_: None)
    for path in DOCUMENTED_PATHS:
        response = service.anonymous.get(_concrete(path))
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path


def test_a_path_that_only_the_framework_would_accept_is_not_found(service: Service) -> None:
    response = service.anonymous.get("/v1/questions%0A")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_an_error_has_the_headers_of_every_response(service: Service) -> None:
    service.make_bank()
    question = make_question()
    response = service.anonymous.get(f"/v1/questions/{question.id}")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
