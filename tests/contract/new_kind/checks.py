"""Checks of the kinds `pairing` and `estimate`, run by pytest in a copy that has them."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from app.catalog.text.markdown import to_html
from app.catalog.text.nodes import to_nodes
from app.catalog.text.plain import to_text
from app.documentation import build
from app.kinds import KINDS
from app.main import create_framework
from tests.support.databases import SqliteTemplate
from tests.support.meili.fake import FakeMeili
from tests.support.serving import Service, serving
from tests.transfer.sending import import_as_admin

SCRIPT = "<script>alert(1)</script>"
# The word that only the answer side contains.
SECRET = "quasar"
ITEMS = [f"**item {number}** {SCRIPT}" for number in ("one", "two", "three", "four", "five")]
NOTE = f"*{SECRET}* {SCRIPT}"
CONTEXT = f"a _zeppelin_ {SCRIPT}"
EXACT = "0.12345678901234567890123"
PAIRING: dict[str, Any] = {
    "external_id": "p",
    "kind": "pairing",
    "stem": "Which of these zygotes belong together?",
    "items": [{"text": text} for text in ITEMS],
    "answer": {"pairs": ["one+two", "three+four"], "note": NOTE},
}
ESTIMATE: dict[str, Any] = {
    "external_id": "e",
    "kind": "estimate",
    "stem": "How long is it?",
    "context": CONTEXT,
    "quantity": "furlongs",
    "answer": {"low": EXACT, "high": "1", "strict": True, "remark": NOTE, "sources": ["a|b", "c"]},
}
FORMATS: dict[str, Callable[[str], str]] = {
    "markdown": str,
    "html": to_html,
    "text": to_text,
    "nodes": str,
}
ROUTES = (
    "/v1/questions?{}",
    "/v1/questions/{id}?{}",
    "/v1/questions/random?count=10&{}",
    "/v1/questions/random?count=10&seed=s&{}",
    "/v1/search?q={word}&{}",
    "/v1/quizzes/{quiz}?{}",
    "/v1/changes?{}",
)


class Bank:
    """A bank `science` with one question of each new kind."""

    def __init__(self, service: Service, engine: str, **rules: str) -> None:
        self.service = service
        self.engine = engine
        service.make_bank(**rules)
        self.ids = {
            body["kind"]: str(service.make_question(**body)["id"]) for body in (PAIRING, ESTIMATE)
        }
        self.questions = [
            {"kind": "pairing", "word": "zygotes", "id": self.ids["pairing"]},
            {"kind": "estimate", "word": "furlongs", "id": self.ids["estimate"]},
        ]
        quiz = service.admin.post("/v1/quizzes", json={"title": "Q", "ids": [*self.ids.values()]})
        self.quiz = service.expect(quiz, 201)["id"]

    def get(self, path: str) -> dict[str, Any]:
        """Return a response that contains everything that was written."""
        client = self.service.anonymous
        edition = client.get("/v1/facets").headers["Quizwell-Edition"]
        response = client.get(path, headers={"Quizwell-Min-Edition": edition})
        assert response.status_code == 200, response.text
        return dict(response.json())


@pytest.fixture(scope="module", params=["embedded", "meilisearch"])
def bank(
    request: pytest.FixtureRequest,
    sqlite_template: SqliteTemplate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bank]:
    """A bank for tests that only read."""
    folder = tmp_path_factory.mktemp("data")
    if request.param == "embedded":
        with serving(sqlite_template.fresh(folder)) as service:
            yield Bank(service, request.param)
        return
    with FakeMeili() as server:
        settings = sqlite_template.fresh(folder, meili_url=server.url, meili_key=server.key)
        with serving(settings) as service:
            yield Bank(service, request.param)


@pytest.fixture
def fresh_bank(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bank]:
    """A bank for a test that writes."""
    with serving(sqlite_template.fresh(tmp_path_factory.mktemp("data"))) as service:
        yield Bank(service, "embedded")


def delivered(response: dict[str, Any], question_id: str) -> tuple[str, dict[str, Any]]:
    """Return a question in a response, and its JSON pointer."""
    if response.get("id") == question_id and "stem" in response:
        return "", response
    for index, item in enumerate(response["items"]):
        if item["id"] == question_id:
            return f"/items/{index}", item
    raise AssertionError(f"{question_id} is not in {response}")


@pytest.mark.parametrize("answers", [False, True])
@pytest.mark.parametrize("text_format", FORMATS)
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_delivers_it(bank: Bank, route: str, text_format: str, answers: bool) -> None:
    parameters = f"format={text_format}&answers={str(answers).lower()}"
    convert = FORMATS[text_format]
    for question in bank.questions:
        response = bank.get(route.format(parameters, quiz=bank.quiz, **question))
        pointer, item = delivered(response, question["id"])
        if question["kind"] == "pairing":
            assert sorted(each["text"] for each in item["items"]) == sorted(map(convert, ITEMS))
            assert all(each.keys() == {"id", "text"} for each in item["items"])
            texts = {f"/items/{index}/text": each for index, each in enumerate(item["items"])}
            sources = {path: each["text"] for path, each in texts.items()}
            answer = {"pairs": ["one+two", "three+four"], "note": convert(NOTE)}
            sources |= {"/answer/note": NOTE} if answers else {}
        else:
            assert item["context"] == convert(CONTEXT)
            assert item["quantity"] == "furlongs"
            sources = {"/context": CONTEXT} | ({"/answer/remark": NOTE} if answers else {})
            answer = ESTIMATE["answer"] | {"remark": convert(NOTE)}
        if answers:
            assert item["answer"] == answer
        else:
            assert not item.keys() & {"answer", "explanation", "feedback"}
            assert SECRET not in orjson.dumps(response).decode()
        if text_format == "html":
            assert "<script" not in orjson.dumps(response).decode()
        if text_format == "nodes":
            found = {path: response["nodes"][pointer + path] for path in sources}
            assert found == {path: to_nodes(text) for path, text in sources.items()}


def test_all_routes_that_deliver_questions_are_checked() -> None:
    paths: dict[str, Any] = build(create_framework())["paths"]
    delivering = {
        path
        for path, operations in paths.items()
        if "get" in operations and "format" in _parameters(operations["get"])
    }
    checked = {route.partition("?")[0] for route in ROUTES}
    assert {
        path.replace("question_id", "id").replace("reference", "quiz") for path in delivering
    } == checked


def _parameters(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", ())}


def test_search_finds_its_texts_and_names(bank: Bank) -> None:
    for word, kind in (("five", "pairing"), ("zeppelin", "estimate"), ("furlongs", "estimate")):
        response = bank.get(f"/v1/search?q={word}")
        assert response["engine"] == bank.engine
        assert [item["kind"] for item in response["items"]] == [kind], word
    found = bank.get(f"/v1/search?q={SECRET}")["items"]
    assert {item["kind"] for item in found} == {"pairing", "estimate"}
    assert bank.get("/v1/search?q=script")["items"]


def test_answers_are_not_searched_where_they_are_not_public(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(sqlite_template.fresh(tmp_path_factory.mktemp("data"))) as service:
        bank = Bank(service, "embedded", answers="restricted")
        assert bank.get(f"/v1/search?q={SECRET}")["items"] == []
        assert len(bank.get("/v1/search?q=furlongs")["items"]) == 1
        for route in ROUTES:
            address = route.format("answers=true", quiz=bank.quiz, **bank.questions[0])
            assert service.anonymous.get(address).status_code == 403


def test_the_kind_is_a_facet_and_a_filter(bank: Bank) -> None:
    counts = {each["slug"]: each["name"] for each in bank.get("/v1/facets")["facets"]["kind"]}
    assert counts == {"pairing": "Pairing", "estimate": "Estimate"}
    (item,) = bank.get("/v1/questions?kind=pairing")["items"]
    assert item["id"] == bank.ids["pairing"]
    (item,) = bank.get("/v1/search?kind=-pairing&q=how+long")["items"]
    assert item["id"] == bank.ids["estimate"]


def test_the_editing_view(bank: Bank) -> None:
    service = bank.service
    reader = service.make_key("questions:read")
    for kind, body in (("pairing", PAIRING), ("estimate", ESTIMATE)):
        path = f"/v1/editing/questions/{bank.ids[kind]}"
        view = service.admin.get(path).json()
        assert view["answer"] == body["answer"]
        without_answers = reader.get(path)
        assert SECRET not in without_answers.text
        if kind == "pairing":
            assert [item["text"] for item in view["items"]] == ITEMS
            assert sorted(item["text"] for item in without_answers.json()["items"]) == sorted(ITEMS)
        else:
            assert without_answers.json()["context"] == view["context"] == CONTEXT
        (listed,) = reader.get(f"/v1/editing/questions?kind={kind}").json()["items"]
        assert listed == without_answers.json()


def test_items_keep_their_ids_and_are_compared_by_id(fresh_bank: Bank) -> None:
    service = fresh_bank.service
    made = service.make_question(**PAIRING | {"external_id": "p2"}, publish=False)
    path = f"/v1/editing/questions/{made['id']}"
    items: list[dict[str, Any]] = made["items"]  # type: ignore[assignment]
    changed = [{"id": items[0]["id"], "text": "changed"}, *items[1:], {"text": "new"}]
    response = service.admin.patch(path, json={"items": changed}, headers={"If-Match": "*"})
    after = service.expect(response, 200)["items"]
    assert [item["id"] for item in after[:5]] == [item["id"] for item in items]  # type: ignore[index]
    changes = service.admin.get(f"{path}/diff?from=1&to=2").json()["changes"]
    pointers = {change["pointer"] for change in changes}
    assert f"/items/{items[0]['id']}/text" in pointers
    unknown = [{"id": "unknown", "text": "x"}, *items[1:]]
    refused = service.admin.patch(path, json={"items": unknown}, headers={"If-Match": "*"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/items/0/id"


def test_the_order_of_items_reveals_nothing(fresh_bank: Bank) -> None:
    orders = set()
    for number in range(8):
        body = PAIRING | {"external_id": f"order {number}", "tags": []}
        made = fresh_bank.service.make_question(**body)
        delivered_items = fresh_bank.get(f"/v1/questions/{made['id']}")["items"]
        orders.add(tuple(ITEMS.index(item["text"]) for item in delivered_items))
    assert len(orders) > 1


def exported(bank: Bank, query: str) -> bytes:
    response = bank.service.admin.get(f"/v1/exports?{query}")
    assert response.status_code == 200, response.text
    return response.content


def view_in(bank: Bank, slug: str, external_id: str) -> dict[str, Any]:
    """Return the editing view of a question in a bank."""
    query = f"bank={slug}&external_id={external_id}"
    (view,) = bank.service.admin.get(f"/v1/editing/questions?{query}").json()["items"]
    return dict(view)


def content_of(view: dict[str, Any]) -> dict[str, Any]:
    """Return the content of an editing view."""
    ignored = {"id", "bank", "revision", "etag", "published_at", "updated_at"}
    content = {name: value for name, value in view.items() if name not in ignored}
    for item in content.get("items", ()):
        del item["id"]
    return content


def test_json_lines_lose_nothing(fresh_bank: Bank) -> None:
    service = fresh_bank.service
    data = exported(fresh_bank, "bank=science")
    again = import_as_admin(service, data, dry_run=True)
    assert again["unchanged"] == again["of"] == 2
    service.make_bank(slug="copy")
    rows = [{**orjson.loads(line), "bank": "copy"} for line in data.splitlines()]
    assert (
        import_as_admin(service, b"\n".join(map(orjson.dumps, rows)), bank="copy")["created"] == 2
    )
    for name in ("p", "e"):
        copied, original = (view_in(fresh_bank, slug, name) for slug in ("copy", "science"))
        assert content_of(copied) == content_of(original)


def test_an_import_keeps_the_ids_of_items_and_invents_none(fresh_bank: Bank) -> None:
    service = fresh_bank.service
    before = view_in(fresh_bank, "science", "p")["items"]
    without_ids = [{"text": "new"}, *({"text": item["text"]} for item in before[1:])]
    row = orjson.dumps(PAIRING | {"difficulty": "easy", "items": without_ids})
    assert import_as_admin(service, row)["changed"] == 1
    after = view_in(fresh_bank, "science", "p")["items"]
    assert after[1:] == before[1:]
    assert after[0]["id"] not in {item["id"] for item in before}
    service.make_bank(slug="copy")
    row = orjson.dumps(PAIRING | {"difficulty": "easy", "items": before})
    import_as_admin(service, row, bank="copy")
    copied = view_in(fresh_bank, "copy", "p")["items"]
    assert not {item["id"] for item in copied} & {item["id"] for item in before}


def test_json_numbers_stay_exact(fresh_bank: Bank) -> None:
    fresh_bank.service.make_bank(slug="exact")
    row = orjson.dumps(ESTIMATE | {"difficulty": "easy"})
    row = row.replace(f'"{EXACT}"'.encode(), EXACT.encode())
    assert import_as_admin(fresh_bank.service, row, bank="exact")["created"] == 1
    assert view_in(fresh_bank, "exact", "e")["answer"]["low"] == EXACT


def test_a_csv_holds_the_kind_that_declares_columns(fresh_bank: Bank) -> None:
    service = fresh_bank.service
    data = exported(fresh_bank, "bank=science&file_format=csv")
    (row,) = csv.DictReader(io.StringIO(data.decode()))
    assert (row["kind"], row["low"], row["sources"]) == ("estimate", EXACT, "a\\|b|c")
    assert (row["quantity"], row["strict"], row["context"]) == ("furlongs", "true", CONTEXT)
    again = import_as_admin(service, data, name="rows.csv", dry_run=True)
    assert again["unchanged"] == again["of"] == 1
    service.make_bank(slug="copy")
    import_as_admin(service, data, name="rows.csv", bank="copy")
    copied, original = (view_in(fresh_bank, slug, "e") for slug in ("copy", "science"))
    assert content_of(copied) == content_of(original)


def test_a_csv_names_the_column_of_an_error(fresh_bank: Bank) -> None:
    data = b"kind,stem,difficulty,quantity,low,strict\r\nestimate,x,easy,m,much,perhaps\r\n"
    job = import_as_admin(fresh_bank.service, data, name="rows.csv", dry_run=True)
    assert {row["field"] for row in job["rows"]} == {"strict"}
    data = b"kind,stem,difficulty,quantity,low,high\r\nestimate,x,easy,m,much,1\r\n"
    job = import_as_admin(fresh_bank.service, data, name="rows.csv", dry_run=True)
    assert {row["field"] for row in job["rows"]} == {"low"}


def test_a_csv_refuses_the_kind_that_does_not_fit(fresh_bank: Bank) -> None:
    response = fresh_bank.service.admin.get("/v1/exports?file_format=csv&kind=pairing")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    data = b"kind,stem,difficulty\r\npairing,x,easy\r\n"
    job = import_as_admin(fresh_bank.service, data, name="rows.csv", dry_run=True)
    assert [(row["field"], row["value"]) for row in job["rows"]] == [("kind", "pairing")]
    filled = b"kind,stem,difficulty,correct,quantity\r\nestimate,x,easy,A,m\r\n"
    job = import_as_admin(fresh_bank.service, filled, name="rows.csv", dry_run=True)
    assert "correct" in {row["field"] for row in job["rows"]}


def test_the_openapi_document_describes_it() -> None:
    document = build(create_framework())
    assert KINDS[-2:] == ("estimate", "pairing")
    create = document["paths"]["/v1/editing/questions"]["post"]["requestBody"]["content"]
    variants = {
        each["properties"]["kind"]["const"]: each
        for each in create["application/json"]["schema"]["oneOf"]
    }
    assert {"items", "answer"} <= variants["pairing"]["properties"].keys()
    for name in ("QuestionRead", "DeliveredQuestion"):
        properties = document["components"]["schemas"][name]["properties"]
        assert {"items", "context", "quantity"} <= properties.keys()
    for path in ("/v1/questions", "/v1/search", "/v1/editing/questions"):
        parameters = document["paths"][path]["get"]["parameters"]
        (kind,) = (each for each in parameters if each["name"] == "kind")
        assert "pairing" in orjson.dumps(kind).decode()
