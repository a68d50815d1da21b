"""Synonym groups: the editing routes, their effect on searches, and the groups of the seed."""

from collections.abc import Callable, Iterator

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.synonyms import repository
from app.search.synonyms.service import load_synonyms_file
from app.search.synonyms.snapshot import SynonymSnapshot, synonyms_from_groups
from app.starting import SEED_FOLDER
from tests.search.support.search_service import SearchService, serve_search
from tests.support.serving import Service

PATH = "/v1/editing/synonyms"


@pytest.fixture(params=["embedded", "meilisearch"])
def found(
    request: pytest.FixtureRequest, fresh_settings: Callable[..., Settings]
) -> Iterator[SearchService]:
    with serve_search(request.param, fresh_settings) as running:
        yield running


def _create(client: httpx.Client, *words: str) -> httpx.Response:
    return client.post(PATH, json={"words": words})


def test_searches_find_synonyms_that_editors_add(found: SearchService) -> None:
    found.publish("What is overfitting?")
    found.publish("What is a support vector machine?")
    admin = found.service.admin
    assert found.search("too complex model")["total"] == 0
    created = found.service.expect(_create(admin, "overfitting", "too complex model"), 201)
    found.service.expect(_create(admin, "SVM", "support vector machine"), 201)
    assert found.stems("too complex model") == ["What is overfitting?"]
    assert found.stems("svm") == ["What is a support vector machine?"]
    found.service.expect(admin.delete(f"{PATH}/{created['id']}"), 204)
    assert found.search("too complex model")["total"] == 0


def test_a_group_is_created_read_changed_and_deleted(service: Service) -> None:
    created = _create(service.admin, "k-NN", "nearest neighbours")
    assert created.status_code == 201
    path = created.headers["Location"]
    shown = service.admin.get(path)
    assert shown.json() == created.json()
    assert shown.headers["ETag"] == f'"{created.json()["etag"]}"'
    assert service.admin.get(PATH).json() == {
        "items": [created.json()],
        "total": 1,
        "next_cursor": None,
    }
    change = {"words": ["k-NN", "lazy learner"], "id": created.json()["id"]}
    changed = service.admin.patch(path, json=change, headers={"If-Match": shown.headers["ETag"]})
    assert changed.json()["words"] == ["k-NN", "lazy learner"]
    stale = service.admin.patch(path, json=change, headers={"If-Match": shown.headers["ETag"]})
    assert stale.status_code == 412
    assert service.admin.delete(path).status_code == 204
    assert service.admin.get(path).status_code == 404


def test_groups_are_listed_page_by_page(service: Service) -> None:
    for number in range(5):
        assert _create(service.admin, f"word{number}", f"name{number}").status_code == 201
    seen, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = service.admin.get(PATH, params=query).json()
        seen += [item["words"][0] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == [f"word{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"words": ["one"]}, "/words"),
        ({"words": ["k-NN", "k nn"]}, "/words"),
        ({"words": ["fine", "?!"]}, "/words/1"),
        ({"words": ["fine", "a b c d e f g h i j k"]}, "/words/1"),
        ({"words": ["fine", "x" * 101]}, "/words/1"),
        ({"words": ["fine", 1]}, "/words/1"),
        ({"words": ["fine", "good"], "word": "x"}, "/word"),
        ({}, "/words"),
        ([], ""),
    ],
)
def test_an_invalid_group_is_refused(service: Service, body: object, pointer: str) -> None:
    response = service.admin.post(PATH, json=body)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_synonyms_need_the_scope_of_terms(service: Service) -> None:
    for key in (service.make_key("questions:write"), service.anonymous):
        assert _create(key, "one", "other").status_code in {401, 403}
        assert key.get(PATH).status_code in {401, 403}
    assert _create(service.make_key("taxonomy:write"), "one", "other").status_code == 201


def test_a_repeated_request_creates_one_group(service: Service) -> None:
    header = {"Idempotency-Key": "the same"}
    responses = [
        service.admin.post(PATH, json={"words": ["one", "other"]}, headers=header) for _ in range(2)
    ]
    assert responses[0].json() == responses[1].json()
    assert service.admin.get(PATH).json()["total"] == 1


def test_a_new_service_has_the_synonyms_of_the_seed(database: Database) -> None:
    def load(session: Session) -> int:
        load_synonyms_file(session, SEED_FOLDER / "synonyms.json")
        return len(repository.all_groups(session))

    with database.write() as session:
        count = load(session)
        assert load(session) == count >= 100
    synonym_snapshot = SynonymSnapshot()
    with database.read() as session:
        synonym_snapshot.load(session)
    before = synonym_snapshot.current
    for phrase, other in (
        ("svm", "support vector machine"),
        ("too complex model", "overfitting"),
        ("knn", "k-nearest neighbours"),
        ("rl", "reinforcement learning"),
        ("cv", "cross-validation"),
        ("cv", "computer vision"),
    ):
        assert other in before[phrase]
        assert phrase in before[other]
    with database.read() as session:
        synonym_snapshot.load(session)
    assert synonym_snapshot.current is before


def test_the_phrases_of_each_seed_group_have_different_words() -> None:
    for words in orjson.loads((SEED_FOLDER / "synonyms.json").read_bytes()):
        assert len(synonyms_from_groups([words])) == len(words) >= 2


@given(st.lists(st.lists(st.sampled_from(["A", "b", "b b", "B-b", "ç", "c", ""]), max_size=4)))
def test_synonymy_is_symmetric_and_not_reflexive(groups: list[list[str]]) -> None:
    found = synonyms_from_groups(groups)
    for phrase, others in found.items():
        assert phrase not in others
        assert all(phrase in found[other] for other in others)
