"""The official Python client works with the fake Meilisearch as with a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import meilisearch
import pytest
from meilisearch.errors import (
    MeilisearchApiError,
    MeilisearchCommunicationError,
    MeilisearchTimeoutError,
)
from meilisearch.index import Index
from meilisearch.models.task import TaskInfo

from tests.support.meili.fake import FakeMeili
from tests.support.meili.real import RealMeili, binary_path

QUESTIONS: list[dict[str, Any]] = [
    {"id": 1, "stem": "What does gradient descent minimise?", "tags": ["loss"], "level": 1},
    {"id": 2, "stem": "How does k-NN choose its neighbours?", "tags": ["distance"], "level": 2},
    {"id": 3, "stem": "Why is C++ used to serve models?", "tags": [], "level": 3},
    {"id": 4, "stem": "Which gradient vanishes?", "tags": ["loss", "depth"], "level": 3},
]
SETTINGS = {
    "searchableAttributes": ["stem", "tags"],
    "filterableAttributes": ["id", "tags", "level"],
    "sortableAttributes": ["level"],
    "dictionary": ["C++", "c++", "k-NN", "k-nn"],
    "synonyms": {"cpp": ["c++"]},
}


@pytest.fixture(scope="module", params=["fake", "real"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FakeMeili | RealMeili]:
    program = binary_path()
    if request.param == "real" and program is None:
        pytest.skip("MEILI_BINARY names no server")
    folder: Path = tmp_path_factory.mktemp("meili") / "server"
    with FakeMeili() if request.param == "fake" else RealMeili(str(program), folder) as running:
        yield running


@pytest.fixture
def client(server: FakeMeili | RealMeili) -> Iterator[meilisearch.Client]:
    client = meilisearch.Client(server.url, server.key, timeout=10)
    yield client
    for index in client.get_indexes()["results"]:
        finish(client, index.delete())


def finish(client: meilisearch.Client, task: TaskInfo) -> Any:
    finished = client.wait_for_task(task.task_uid, interval_in_ms=2)
    assert finished.status == "succeeded", finished.error
    return finished


@pytest.fixture
def index(client: meilisearch.Client) -> Index:
    finish(client, client.create_index("questions", {"primaryKey": "id"}))
    index = client.index("questions")
    finish(client, index.update_settings(SETTINGS))
    finish(client, index.add_documents(QUESTIONS))
    return index


def test_the_server_is_healthy_and_has_a_version(client: meilisearch.Client) -> None:
    assert client.is_healthy()
    assert client.health() == {"status": "available"}
    assert client.get_version()["pkgVersion"] == "1.50.0"


def test_an_index_is_created_listed_changed_and_deleted(client: meilisearch.Client) -> None:
    finish(client, client.create_index("one"))
    finish(client, client.create_index("two", {"primaryKey": "id"}))
    assert [found.uid for found in client.get_indexes()["results"]] == ["one", "two"]
    finish(client, client.index("one").update(primary_key="key"))
    assert client.get_index("one").primary_key == "key"
    finish(client, client.delete_index("one"))
    with pytest.raises(MeilisearchApiError) as raised:
        client.get_index("one")
    assert raised.value.code == "index_not_found"
    assert raised.value.status_code == 404


def test_documents_are_added_changed_read_and_deleted(
    client: meilisearch.Client, index: Index
) -> None:
    finish(client, index.update_documents([{"id": 1, "level": 2}]))
    found = index.get_document(1)
    assert (found.stem, found.level) == (QUESTIONS[0]["stem"], 2)
    listed = index.get_documents({"limit": 2, "fields": ["id"], "filter": "level >= 2"})
    assert [document.id for document in listed.results] == [1, 2]
    assert listed.total == 4
    finish(client, index.delete_document(1))
    with pytest.deprecated_call():
        finish(client, index.delete_documents([2]))
    finish(client, index.delete_documents(filter="level = 3"))
    assert index.get_stats().number_of_documents == 0
    finish(client, index.add_documents_ndjson(b'{"id": 9}\n{"id": 10}'))
    finish(client, index.delete_all_documents())
    assert index.get_documents().total == 0


def test_settings_are_read_changed_and_reset(client: meilisearch.Client, index: Index) -> None:
    settings = index.get_settings()
    assert {name: settings[name] for name in SETTINGS} == SETTINGS
    finish(client, index.update_stop_words(["the"]))
    assert index.get_stop_words() == ["the"]
    finish(client, index.update_typo_tolerance({"disableOnNumbers": True}))
    assert index.get_typo_tolerance().disable_on_numbers is True
    assert index.get_typo_tolerance().enabled is True
    finish(client, index.update_pagination_settings({"maxTotalHits": 7}))
    assert index.get_pagination_settings().max_total_hits == 7
    finish(client, index.reset_synonyms())
    assert index.get_synonyms() == {}
    finish(client, index.reset_settings())
    assert index.get_searchable_attributes() == ["*"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("gradient", [4, 1]),
        ("gradiant", [4, 1]),
        ("grad", [4, 1]),
        ("c++", [3]),
        ("cpp", [3]),
        ("k-NN", [2]),
        ("nothing like it", []),
    ],
)
def test_searches_find_the_expected_documents(index: Index, query: str, found: list[int]) -> None:
    assert [hit["id"] for hit in index.search(query)["hits"]] == found


def test_a_search_filters_counts_sorts_and_highlights(index: Index) -> None:
    response = index.search(
        "gradient",
        {
            "filter": ["level IN [1, 3]", ["tags = loss", "tags = depth"]],
            "facets": ["tags", "level"],
            "attributesToHighlight": ["stem"],
            "highlightPreTag": "[",
            "highlightPostTag": "]",
            "showRankingScore": True,
            "hitsPerPage": 1,
        },
    )
    assert response["totalHits"] == 2
    assert response["facetDistribution"] == {
        "tags": {"depth": 1, "loss": 2},
        "level": {"1": 1, "3": 1},
    }
    assert response["facetStats"] == {"level": {"min": 1.0, "max": 3.0}}
    assert response["hits"][0]["_formatted"]["stem"] == "Which [gradient] vanishes?"
    assert 0 < response["hits"][0]["_rankingScore"] <= 1
    ordered = index.search("", {"sort": ["level:desc"], "attributesToRetrieve": ["id"]})
    assert [hit["id"] for hit in ordered["hits"]] == [3, 4, 2, 1]


def test_several_searches_are_sent_in_one_request(client: meilisearch.Client, index: Index) -> None:
    queries = [{"indexUid": "questions", "q": "gradient"}, {"indexUid": "questions", "q": "c++"}]
    listed = client.multi_search(queries)["results"]
    assert [len(response["hits"]) for response in listed] == [2, 1]
    merged = client.multi_search(queries, federation={"limit": 10})
    assert {hit["id"] for hit in merged["hits"]} == {1, 3, 4}


def test_indexes_are_swapped(client: meilisearch.Client, index: Index) -> None:
    finish(client, client.create_index("new", {"primaryKey": "id"}))
    finish(client, client.swap_indexes([{"indexes": ["questions", "new"]}]))
    assert client.index("new").get_stats().number_of_documents == 4
    assert index.get_stats().number_of_documents == 0


def test_tasks_are_listed_filtered_and_deleted(client: meilisearch.Client, index: Index) -> None:
    failed = index.add_documents([{"id": "not good!"}])
    finished = client.wait_for_task(failed.task_uid, interval_in_ms=2)
    assert finished.status == "failed"
    assert finished.error is not None
    assert finished.error["code"] == "invalid_document_id"
    listed = client.get_tasks({"statuses": ["failed"], "limit": 5})
    assert [task.uid for task in listed.results] == [failed.task_uid]
    assert client.get_batch(client.get_batches({"limit": 1}).results[0].uid).finished_at
    finish(client, client.delete_tasks({"uids": str(failed.task_uid)}))
    with pytest.raises(MeilisearchApiError) as raised:
        client.get_task(failed.task_uid)
    assert raised.value.code == "task_not_found"


def test_a_key_allows_only_its_actions_and_indexes(
    client: meilisearch.Client, index: Index
) -> None:
    key = client.create_key(
        {"name": "s", "actions": ["search"], "indexes": ["quest*"], "expiresAt": None}
    )
    assert client.get_key(key.uid).key == key.key
    assert key.uid in {listed.uid for listed in client.get_keys().results}
    limited = meilisearch.Client(client.config.url, key.key, timeout=10)
    assert limited.index("questions").search("gradient")["hits"]
    with pytest.raises(MeilisearchApiError) as raised:
        limited.index("questions").get_settings()
    assert raised.value.code == "invalid_api_key"
    assert client.delete_key(key.uid) == 204
    with pytest.raises(MeilisearchApiError):
        limited.index("questions").search("gradient")


def test_a_dump_and_a_snapshot_are_tasks(client: meilisearch.Client) -> None:
    assert finish(client, client.create_dump()).details["dumpUid"]
    finish(client, client.create_snapshot())


def test_the_client_raises_errors_for_faults() -> None:
    with FakeMeili() as fake:
        client = meilisearch.Client(fake.url, fake.key, timeout=1)
        fake.faults.full_disk = True
        with pytest.raises(MeilisearchApiError) as raised:
            client.create_index("questions")
        assert raised.value.code == "no_space_left_on_device"
        fake.faults.reset()
        fake.faults.lost_responses = 1
        with pytest.raises(MeilisearchCommunicationError):
            client.create_index("questions")
        fake.wait_until_idle()
        assert client.get_index("questions").uid == "questions"
        fake.faults.delay_seconds = 5.0
        with pytest.raises(MeilisearchTimeoutError):
            client.get_version()
        fake.faults.reset()
        fake.down()
        with pytest.raises(MeilisearchCommunicationError):
            client.get_version()
        fake.up()
        assert client.is_healthy()
