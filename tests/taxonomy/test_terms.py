"""The routes of terms: unique names, a tree without cycles, nothing in use deleted."""

import threading

import httpx
import pytest

from app.core.db.edition_clock import read_mark
from tests.support.serving import Service

VOCABULARIES = ("categories", "companies", "tags")
PATH = "/v1/editing/{}"


def _make(service: Service, vocabulary: str, **values: object) -> dict[str, object]:
    return service.expect(service.admin.post(PATH.format(vocabulary), json=values), 201)


def _patch(service: Service, vocabulary: str, slug: str, **values: object) -> httpx.Response:
    return service.admin.patch(f"{PATH.format(vocabulary)}/{slug}", json=values)


def _taken(answer: httpx.Response) -> str:
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "name_taken"
    return str(answer.json()["context"]["slug"])


def _wrong(answer: httpx.Response) -> dict[str, tuple[str, list[str]]]:
    assert answer.status_code == 422, answer.text
    return {
        error["parameter"] or error["pointer"]: (error["code"], error["suggestions"])
        for error in answer.json()["errors"]
    }


def _terms(service: Service) -> int:
    with service.database.read() as session:
        return read_mark(session).config_version


@pytest.mark.parametrize(
    ("vocabulary", "own"),
    [("categories", {"parent": None}), ("companies", {}), ("tags", {"group": None})],
)
def test_a_term_is_created_read_changed_and_deleted(
    service: Service, vocabulary: str, own: dict[str, None]
) -> None:
    before = _terms(service)
    answer = service.admin.post(PATH.format(vocabulary), json={"name": "Lab viva"})
    made = service.expect(answer, 201)
    etag = made["etag"]
    plain = {"slug": "lab-viva", "name": "Lab viva", "description": "", "aliases": []}
    assert made == plain | own | {"etag": etag}
    address = answer.headers["Location"]
    assert answer.headers["ETag"] == f'"{etag}"'
    assert service.admin.get(address).json() == made
    changed = service.expect(
        service.admin.patch(address, json={"name": "Viva", "aliases": ["Oral"]}), 200
    )
    assert changed == plain | own | {
        "name": "Viva",
        "aliases": ["Oral"],
        "etag": changed["etag"],
    }
    assert changed["etag"] != etag
    stale = {"If-Match": f'"{etag}"'}
    assert service.admin.delete(address, headers=stale).json()["code"] == "revision_stale"
    assert service.admin.patch(address, json={}, headers=stale).status_code == 412
    assert service.admin.delete(address).status_code == 204
    assert service.admin.get(address).status_code == 404
    assert service.admin.patch(address, json={"x": 1}).status_code == 404
    assert _terms(service) == before + 3
    service.expect(service.admin.post(PATH.format(vocabulary), json={"name": "Oral"}), 201)


def test_slugs_names_and_aliases_share_one_namespace(service: Service) -> None:
    _make(service, "companies", slug="facebook", name="Facebook Inc", aliases=["Meta"])
    companies = PATH.format("companies")
    for body in (
        {"name": "FACEBOOK"},
        {"slug": "meta", "name": "Other"},
        {"slug": "other", "name": " ｍｅｔａ "},
        {"slug": "other", "name": "Other", "aliases": ["x", "facebook  inc"]},
    ):
        assert _taken(service.admin.post(companies, json=body)) == "facebook"
    _make(service, "companies", name="Other", aliases=["Another"])
    assert _taken(_patch(service, "companies", "other", aliases=["META"])) == "facebook"
    # Another vocabulary is another namespace.
    _make(service, "tags", slug="meta", name="Meta")
    # Names that a term gives up can be used again.
    service.expect(_patch(service, "companies", "facebook", aliases=["FB"]), 200)
    service.expect(_patch(service, "companies", "other", aliases=["Meta"]), 200)
    service.expect(_patch(service, "companies", "other", name="meta", aliases=["Other "]), 200)


def test_a_redundant_alias_is_dropped(service: Service) -> None:
    made = _make(service, "tags", name="Boosting", aliases=["boosting", "GBM", "gbm", "BOOSTING "])
    assert made["aliases"] == ["GBM"]


def test_invalid_fields_are_reported_with_suggestions(service: Service) -> None:
    tags = PATH.format("tags")
    body = {"name": "", "aliases": ["ok", "a" * 201], "gruop": "format", "group": "A b"}
    assert _wrong(service.admin.post(tags, json=body)) == {
        "/name": ("invalid_value", []),
        "/aliases/1": ("invalid_value", []),
        "/gruop": ("unknown_field", ["group"]),
        "/group": ("invalid_value", []),
    }
    assert _wrong(service.admin.post(tags, json={"name": "数学"})) == {
        "/slug": ("missing_value", [])
    }
    assert _wrong(service.admin.post(tags, json={"name": "x", "parent": "y"})).keys() == {"/parent"}
    assert _wrong(service.admin.post(tags, json={"name": "\ufdfa" * 200}))  # 18 characters each
    _make(service, "tags", name="x")
    assert _wrong(service.admin.patch(f"{tags}/x", json={"slug": "y"})) == {
        "/slug": ("read_only", [])
    }
    assert _wrong(_patch(service, "tags", "x", name=None)) == {"/name": ("missing_value", [])}
    answer = service.admin.patch(f"{tags}/x?dry_run=true", json={})
    assert _wrong(answer) == {"dry_run": ("unknown_parameter", [])}
    assert service.admin.get(f"{tags}/X").status_code == 404


def test_categories_form_a_tree(service: Service) -> None:
    _make(service, "categories", name="Models")
    _make(service, "categories", name="Ensembles", parent="models")
    _make(service, "categories", name="Boosting", parent="ensembles")
    unknown = service.admin.post(
        PATH.format("categories"), json={"name": "Bagging", "parent": "ensemble"}
    )
    assert _wrong(unknown) == {"/parent": ("unknown_value", ["ensembles"])}
    for slug in ("models", "ensembles", "boosting"):
        assert _wrong(_patch(service, "categories", "models", parent=slug)) == {
            "/parent": ("invalid_value", [])
        }
    own = service.admin.post(PATH.format("categories"), json={"name": "Own", "parent": "own"})
    assert _wrong(own).keys() == {"/parent"}
    service.expect(_patch(service, "categories", "boosting", parent="models"), 200)
    service.expect(_patch(service, "categories", "ensembles", parent="boosting"), 200)
    moved = service.expect(_patch(service, "categories", "boosting", parent=None), 200)
    assert moved["parent"] is None


def test_a_category_with_children_cannot_be_deleted(service: Service) -> None:
    _make(service, "categories", name="Models")
    _make(service, "categories", name="Trees", parent="models")
    _make(service, "categories", name="Lines", parent="models")
    answer = service.admin.delete(PATH.format("categories") + "/models")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert answer.json()["context"] == {"count": 2}
    for slug in ("trees", "lines", "models"):
        assert service.admin.delete(f"{PATH.format('categories')}/{slug}").status_code == 204


def test_concurrent_moves_do_not_form_a_cycle(service: Service) -> None:
    for name in ("Ant", "Bee", "Cat"):
        _make(service, "categories", name=name)
    moves = [("ant", "bee"), ("bee", "cat"), ("cat", "ant")]
    answers: list[int] = []

    def move(slug: str, parent: str) -> None:
        with httpx.Client(base_url=service.url, headers=service.admin.headers) as client:
            path = f"{PATH.format('categories')}/{slug}"
            answers.append(client.patch(path, json={"parent": parent}).status_code)

    for _ in range(5):
        answers.clear()
        threads = [threading.Thread(target=move, args=each) for each in moves]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200, 200, 422]
        for slug in ("ant", "bee", "cat"):
            assert _patch(service, "categories", slug, parent=None).status_code == 200


def test_concurrent_creates_with_one_name_create_one_term(service: Service) -> None:
    answers: list[httpx.Response] = []

    def make(place: int) -> None:
        with httpx.Client(base_url=service.url, headers=service.admin.headers) as client:
            body = {"slug": f"slug-{place}", "name": f"Name {place}", "aliases": ["shared"]}
            answers.append(client.post(PATH.format("tags"), json=body))

    threads = [threading.Thread(target=make, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    winner = next(answer.json()["slug"] for answer in answers if answer.status_code == 201)
    assert {_taken(answer) for answer in answers if answer.status_code == 409} == {winner}


def test_a_list_can_be_read_page_by_page(service: Service) -> None:
    slugs = {str(_make(service, "tags", name=f"Tag {place}")["slug"]) for place in range(5)}
    whole = service.admin.get(PATH.format("tags")).json()
    assert (whole["total"], whole["next_cursor"]) == (5, None)
    assert {tag["slug"] for tag in whole["items"]} == slugs
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        query = "?limit=2" + (cursor and f"&cursor={cursor}")
        page = service.admin.get(PATH.format("tags") + query).json()
        seen += [tag["slug"] for tag in page["items"]]
        cursor = page["next_cursor"]
    assert (len(seen), set(seen)) == (5, slugs)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_only_a_key_with_the_scope_writes_terms(service: Service, vocabulary: str) -> None:
    path = PATH.format(vocabulary)
    other = service.make_key("banks:write")
    for client, status in ((service.anonymous, 401), (other, 403)):
        assert client.get(path).status_code == status
        assert client.post(path, json={"name": "x"}).status_code == status
        assert client.patch(f"{path}/x", json={}).status_code == status
        assert client.delete(f"{path}/x").status_code == status
    editor = service.make_key("taxonomy:write")
    assert editor.post(path, json={"name": "x"}).status_code == 201


def test_a_repeated_request_creates_one_term(service: Service) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [
        service.admin.post(PATH.format("tags"), json={"name": "Viva"}, headers=headers)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert service.admin.post(PATH.format("tags"), json={"name": "Viva"}).status_code == 409


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_a_term_in_use_cannot_be_deleted(service: Service, vocabulary: str) -> None:
    service.make_bank()
    _make(service, vocabulary, name="Used")
    service.make_question(True, **{vocabulary: ["used"]})
    service.make_question(False, **{vocabulary: ["used"]})
    address = f"{PATH.format(vocabulary)}/used"
    answer = service.admin.delete(address)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert answer.json()["context"] == {"count": 2}
    service.expect(service.admin.patch(address, json={"name": "Still used"}), 200)
