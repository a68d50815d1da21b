"""Checks of two facets that only a modified copy of the project has; see test_new_facet.py.

`audience` has several of a fixed list of values, `setting` has one or none. Both work wherever a
facet works, on each database and with each search engine.
"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from sqlalchemy import text

from app.core.settings import Settings
from tests.search.support.search_service import SearchService, serve_search
from tests.support.serving import Service
from tests.transfer.rows import json_lines
from tests.transfer.sending import import_as_admin

# The values of each test question, by its name; `plain` has no value of either facet.
QUESTIONS: dict[str, dict[str, Any]] = {
    "plain": {"difficulty": "easy"},
    "exam": {"difficulty": "easy", "audiences": ["adults"], "setting": "exam"},
    "both": {"difficulty": "hard", "audiences": ["adults", "children"], "setting": "interview"},
}
FILTERS = {
    "audience=adults": {"exam", "both"},
    "audience=-adults": {"plain"},
    "audience=children,adults&setting=-exam": {"both"},
    "setting=exam": {"exam"},
    "setting=-exam": {"plain", "both"},
    "audience=ADULTS&setting=Interview&difficulty=hard": {"both"},
}


@pytest.fixture
def bank(
    request: pytest.FixtureRequest, fresh_settings: Callable[..., Settings]
) -> Iterator[SearchService]:
    """A bank of riddles; a test chooses the search engine by a parameter."""
    with serve_search(getattr(request, "param", "embedded"), fresh_settings) as found:
        terms = found.service.admin.post("/v1/editing/tags", json={"slug": "viva", "name": "Viva"})
        found.service.expect(terms, 201)
        for name, values in QUESTIONS.items():
            found.publish(f"A riddle: {name}.", external_id=name, tags=["viva"], **values)
        yield found


each_engine = pytest.mark.parametrize("bank", ["embedded", "meilisearch"], indirect=True)


def _names(response: httpx.Response) -> set[str]:
    """Return the names of the riddles on a page; each is there once."""
    assert response.status_code == 200, response.text
    found = [_name(item) for item in response.json()["items"]]
    assert len(found) == len(set(found))
    return set(found)


def _name(item: dict[str, Any]) -> str:
    return str(item["stem"]).removeprefix("A riddle: ").removesuffix(".")


def _ids(service: Service) -> dict[str, str]:
    items = service.anonymous.get("/v1/questions").json()["items"]
    return {_name(item): item["id"] for item in items}


def _patch(service: Service, name: str, **changes: Any) -> None:
    address = f"/v1/editing/questions/{_ids(service)[name]}"
    headers = {"If-Match": "*"}
    service.expect(service.admin.patch(address, json=changes, headers=headers), 200)
    service.expect(service.admin.post(f"{address}/publish", headers=headers), 200)


@each_engine
def test_a_filter_matches_the_same_questions_on_every_route(bank: SearchService) -> None:
    service = bank.service
    for query, expected in FILTERS.items():
        assert _names(service.anonymous.get(f"/v1/questions?{query}")) == expected, query
        assert _names(service.anonymous.get(f"/v1/changes?{query}")) == expected, query
        drawn = service.anonymous.get(f"/v1/questions/random?count=9&{query}")
        assert _names(drawn) == expected, query
        parameters = dict(pair.split("=") for pair in query.split("&"))
        assert _names(bank.search_when_indexed(q="riddle", **parameters)) == expected, query
        assert _names(service.admin.get(f"/v1/editing/questions?{query}")) == expected, query
        exported = service.admin.get(f"/v1/exports?{query}").content.splitlines()
        assert {_name(orjson.loads(row)) for row in exported} == expected, query


def test_drafts_are_filtered_by_their_own_values(bank: SearchService) -> None:
    service = bank.service
    address = f"/v1/editing/questions/{_ids(service)['exam']}"
    change = {"audiences": ["children"], "setting": None}
    service.expect(service.admin.patch(address, json=change, headers={"If-Match": "*"}), 200)
    assert _names(service.admin.get("/v1/editing/questions?audience=children&setting=-exam")) == {
        "exam",
        "both",
    }
    assert _names(service.anonymous.get("/v1/questions?audience=children")) == {"both"}
    reader = service.make_key("exports:read", "answers:read")
    exported = reader.get("/v1/exports?setting=exam").content.splitlines()
    assert [_name(orjson.loads(row)) for row in exported] == ["exam"]


def test_a_seeded_draw_and_a_page_go_on_with_their_cursors(bank: SearchService) -> None:
    client = bank.service.anonymous
    queries = {"/v1/questions/random": "count=1&seed=spring", "/v1/questions": "limit=1"}
    for path, query in queries.items():
        first = client.get(f"{path}?{query}&audience=adults")
        cursor = first.json()["next_cursor"]
        second = client.get(f"{path}?cursor={cursor}")
        assert _names(first) | _names(second) == {"exam", "both"}
        assert second.json()["next_cursor"] is None
        other = client.get(f"{path}?cursor={cursor}&audience=children")
        assert (other.status_code, other.json()["errors"][0]["parameter"]) == (422, "audience")


def _counts(facets: dict[str, Any], name: str) -> list[tuple[str, str, int]]:
    return [(item["slug"], item["name"], item["count"]) for item in facets[name]]


@each_engine
def test_facets_and_terms_are_counted_under_the_filter(bank: SearchService) -> None:
    client = bank.service.anonymous
    found = client.get("/v1/facets?audience=children&difficulty=hard").json()
    searched = bank.search("riddle", audience="children", difficulty="hard", facets="true")
    for answer in (found, searched):
        facets = answer["facets"]
        assert answer["total"] == 1
        # Without its own parameter, in the order of the declared values.
        assert _counts(facets, "audience") == [("children", "Children", 1), ("adults", "Adults", 1)]
        assert _counts(facets, "setting") == [("interview", "Interview", 1)]
        assert _counts(facets, "difficulty") == [("hard", "Hard", 1)]
    assert found["facets"].keys() == searched["facets"].keys()
    for query, count in (("audience=children", 1), ("audience=-children", 2), ("setting=exam", 1)):
        for vocabulary in ("tags", "banks"):
            items = client.get(f"/v1/{vocabulary}?{query}").json()["items"]
            assert [item["count"] for item in items] == [count], (vocabulary, query)


def test_a_mark_follows_questions_into_and_out_of_the_filter(bank: SearchService) -> None:
    service = bank.service
    first = service.anonymous.get("/v1/changes?audience=children")
    assert _names(first) == {"both"}
    mark = first.json()["mark"]
    _patch(service, "plain", audiences=["children"])
    _patch(service, "both", audiences=["adults"])
    page = service.anonymous.get(f"/v1/changes?after={mark}")
    assert _names(page) == {"plain"}
    assert page.json()["deleted"] == [_ids(service)["both"]]
    other = service.anonymous.get(f"/v1/changes?after={mark}&audience=adults")
    assert (other.status_code, other.json()["errors"][0]["parameter"]) == (422, "audience")


def test_values_are_checked_and_near_misses_suggested(bank: SearchService) -> None:
    answer = bank.service.anonymous.get("/v1/questions?audience=adlts&setting=")
    assert answer.status_code == 422
    errors = {error["parameter"]: error["suggestions"] for error in answer.json()["errors"]}
    assert errors == {"audience": ["adults"], "setting": []}
    unknown = bank.service.anonymous.get("/v1/questions?audiences=adults")
    assert unknown.json()["errors"][0]["suggestions"] == ["audience"]
    wrong = bank.service.admin.post(
        "/v1/editing/questions",
        json={"bank": "science", "kind": "open", "stem": "?", "difficulty": "easy"}
        | {"answer": {"model": "!"}, "audiences": ["adlts"]},
    )
    assert wrong.status_code == 422


def test_a_quiz_draws_by_a_filter_in_its_body(bank: SearchService) -> None:
    admin = bank.service.admin
    body = {"title": "A quiz", "filter": {"audience": ["adults"], "setting": ["-exam"]}}
    made = admin.post("/v1/quizzes", json=body | {"count": 1})
    assert made.status_code == 201, made.text
    assert [_name(item) for item in made.json()["items"]] == ["both"]
    wrong = admin.post("/v1/quizzes", json=body | {"count": 1, "filter": {"audience": ["adlts"]}})
    error = wrong.json()["errors"][0]
    assert (error["pointer"], error["suggestions"]) == ("/filter/audience", ["adults"])


def test_the_values_are_delivered_and_documented(bank: SearchService) -> None:
    service = bank.service
    for name, question_id in _ids(service).items():
        expected = (QUESTIONS[name].get("audiences", []), QUESTIONS[name].get("setting"))
        delivered = service.anonymous.get(f"/v1/questions/{question_id}").json()
        edited = service.admin.get(f"/v1/editing/questions/{question_id}").json()
        assert (delivered["audiences"], delivered["setting"]) == expected
        assert (edited["audiences"], edited["setting"]) == expected
    document = service.anonymous.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for name in ("DeliveredQuestion", "QuestionRead"):
        assert {"audiences", "setting"} <= schemas[name]["properties"].keys()
    assert {"audience", "setting"} <= schemas["QuestionFilterBody"]["properties"].keys()
    for path in ("/v1/questions", "/v1/questions/random", "/v1/search", "/v1/editing/questions"):
        parameters = {each["name"]: each for each in document["paths"][path]["get"]["parameters"]}
        values = ["children", "adults", "-children", "-adults"]
        assert parameters["audience"]["schema"]["items"]["enum"] == values


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_files_carry_the_values(bank: SearchService, file_format: str) -> None:
    service = bank.service
    exported = service.admin.get(f"/v1/exports?file_format={file_format}").content
    job = import_as_admin(service, exported, name=f"export.{file_format}")
    assert (job["unchanged"], job["created"], job["changed"]) == (3, 0, 0), job["rows"]
    if file_format == "csv":
        rows = list(csv.DictReader(io.StringIO(exported.decode(), newline="")))
        cells = {row["external_id"]: (row["audiences"], row["setting"]) for row in rows}
        assert cells["both"] == ("adults|children", "interview")
        sent = b"external_id,audiences,setting\r\nexam,children,\r\n"
    else:
        sent = json_lines({"external_id": "exam", "audiences": ["children"], "setting": None})
    job = import_as_admin(service, sent, name=f"rows.{file_format}")
    assert job["changed"] == 1, job["rows"]
    assert _names(service.anonymous.get("/v1/questions?audience=children&setting=-interview")) == {
        "exam"
    }


@pytest.mark.parametrize("bank", ["meilisearch"], indirect=True)
def test_the_search_server_can_filter_by_the_facets(bank: SearchService) -> None:
    server = bank.server
    assert server is not None
    bank.search("riddle")
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        names = [index["uid"] for index in client.get("/indexes").json()["results"]]
        (name,) = (each for each in names if "science" in each)
        settings = client.get(f"/indexes/{name}/settings").json()
        documents = client.get(f"/indexes/{name}/documents").json()["results"]
    filterable = {
        pattern
        for attribute in settings["filterableAttributes"]
        for pattern in attribute["attributePatterns"]
    }
    assert {"audiences", "setting"} <= filterable
    found = {_name(each): (each["audiences"], each["setting"]) for each in documents}
    assert found == {
        name: (values.get("audiences", []), values.get("setting"))
        for name, values in QUESTIONS.items()
    }


def test_a_revision_that_is_older_than_the_facets_has_no_value(bank: SearchService) -> None:
    service = bank.service
    question_id = _ids(service)["exam"]
    database = service.database
    with database.write() as session:
        connection = session.connection()
        rows = connection.execute(text("SELECT question_id, number, content FROM revisions"))
        for key, number, content in rows.all():
            values = orjson.loads(content)
            if UUID(str(key)) == UUID(question_id):
                del values["audiences"], values["setting"]
            connection.execute(
                text(
                    "UPDATE revisions SET content = :content"
                    " WHERE question_id = :key AND number = :number"
                ),
                {"content": orjson.dumps(values).decode(), "key": key, "number": number},
            )
    edited = service.admin.get(f"/v1/editing/questions/{question_id}").json()
    assert (edited["audiences"], edited["setting"]) == ([], None)
    _patch(service, "exam", hints=["Think."])
    assert _names(service.anonymous.get("/v1/questions?audience=-adults&setting=-interview")) == {
        "plain",
        "exam",
    }
