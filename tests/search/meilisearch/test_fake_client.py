"""The official Python client works with the fake Meilisearch as with a real one."""

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
from tests.support.meili.real import RealMeili, binary

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
    program = binary()
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
        done(client, index.delete())


def done(client: meilisearch.Client, task: TaskInfo) -> Any:
    ended = client.wait_for_task(task.task_uid, interval_in_ms=2)
    assert ended.status == "succeeded", ended.error
    return ended


@pytest.fixture
def index(client: meilisearch.Client) -> Index:
    done(client, client.create_index("questions", {"primaryKey": "id"}))
    made = client.index("questions")
    done(client, made.update_settings(SETTINGS))
    done(client, made.add_documents(QUESTIONS))
    return made


def test_the_server_is_up_and_tells_its_version(client: meilisearch.Client) -> None:
    assert client.is_healthy()
    assert client.health() == {"status": "available"}
    assert client.get_version()["pkgVersion"] == "1.50.0"


def test_an_index_is_made_listed_changed_and_deleted(client: meilisearch.Client) -> None:
    done(client, client.create_index("one"))
    done(client, client.create_index("two", {"primaryKey": "id"}))
    assert [found.uid for found in client.get_indexes()["results"]] == ["one", "two"]
    done(client, client.index("one").update(primary_key="key"))
    assert client.get_index("one").primary_key == "key"
    done(client, client.delete_index("one"))
    with pytest.raises(MeilisearchApiError) as refusal:
        client.get_index("one")
    assert refusal.value.code == "index_not_found"
    assert refusal.value.status_code == 404


def test_documents_are_added_changed_read_and_deleted(
    client: meilisearch.Client, index: Index
) -> None:
    done(client, index.update_documents([{"id": 1, "level": 2}]))
    found = index.get_document(1)
    assert (found.stem, found.level) == (QUESTIONS[0]["stem"], 2)
    listed = index.get_documents({"limit": 2, "fields": ["id"], "filter": "level >= 2"})
    assert [document.id for document in listed.results] == [1, 2]
    assert listed.total == 4
    done(client, index.delete_document(1))
    with pytest.deprecated_call():
        done(client, index.delete_documents([2]))
    done(client, index.delete_documents(filter="level = 3"))
    assert index.get_stats().number_of_documents == 0
    done(client, index.add_documents_ndjson(b'{"id": 9}\n{"id": 10}'))
    done(client, index.delete_all_documents())
    assert index.get_documents().total == 0


def test_settings_are_read_changed_and_reset(client: meilisearch.Client, index: Index) -> None:
    settings = index.get_settings()
    assert {name: settings[name] for name in SETTINGS} == SETTINGS
    done(client, index.update_stop_words(["the"]))
    assert index.get_stop_words() == ["the"]
    done(client, index.update_typo_tolerance({"disableOnNumbers": True}))
    assert index.get_typo_tolerance().disable_on_numbers is True
    assert index.get_typo_tolerance().enabled is True
    done(client, index.update_pagination_settings({"maxTotalHits": 7}))
    assert index.get_pagination_settings().max_total_hits == 7
    done(client, index.reset_synonyms())
    assert index.get_synonyms() == {}
    done(client, index.reset_settings())
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
def test_searches_find_as_they_should(index: Index, query: str, found: list[int]) -> None:
    assert [hit["id"] for hit in index.search(query)["hits"]] == found


def test_a_search_filters_counts_sorts_and_highlights(index: Index) -> None:
    answer = index.search(
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
    assert answer["totalHits"] == 2
    assert answer["facetDistribution"] == {
        "tags": {"depth": 1, "loss": 2},
        "level": {"1": 1, "3": 1},
    }
    assert answer["facetStats"] == {"level": {"min": 1.0, "max": 3.0}}
    assert answer["hits"][0]["_formatted"]["stem"] == "Which [gradient] vanishes?"
    assert 0 < answer["hits"][0]["_rankingScore"] <= 1
    ordered = index.search("", {"sort": ["level:desc"], "attributesToRetrieve": ["id"]})
    assert [hit["id"] for hit in ordered["hits"]] == [3, 4, 2, 1]


def test_several_searches_go_in_one_request(client: meilisearch.Client, index: Index) -> None:
    queries = [{"indexUid": "questions", "q": "gradient"}, {"indexUid": "questions", "q": "c++"}]
    listed = client.multi_search(queries)["results"]
    assert [len(answer["hits"]) for answer in listed] == [2, 1]
    merged = client.multi_search(queries, federation={"limit": 10})
    assert {hit["id"] for hit in merged["hits"]} == {1, 3, 4}


def test_indexes_are_swapped(client: meilisearch.Client, index: Index) -> None:
    done(client, client.create_index("new", {"primaryKey": "id"}))
    done(client, client.swap_indexes([{"indexes": ["questions", "new"]}]))
    assert client.index("new").get_stats().number_of_documents == 4
    assert index.get_stats().number_of_documents == 0


def test_tasks_are_listed_filtered_and_forgotten(client: meilisearch.Client, index: Index) -> None:
    failed = index.add_documents([{"id": "not good!"}])
    ended = client.wait_for_task(failed.task_uid, interval_in_ms=2)
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error["code"] == "invalid_document_id"
    listed = client.get_tasks({"statuses": ["failed"], "limit": 5})
    assert [task.uid for task in listed.results] == [failed.task_uid]
    assert client.get_batch(client.get_batches({"limit": 1}).results[0].uid).finished_at
    done(client, client.delete_tasks({"uids": str(failed.task_uid)}))
    with pytest.raises(MeilisearchApiError) as refusal:
        client.get_task(failed.task_uid)
    assert refusal.value.code == "task_not_found"


def test_keys_are_made_and_allow_what_they_say(client: meilisearch.Client, index: Index) -> None:
    made = client.create_key(
        {"name": "s", "actions": ["search"], "indexes": ["quest*"], "expiresAt": None}
    )
    assert client.get_key(made.uid).key == made.key
    assert made.uid in {key.uid for key in client.get_keys().results}
    lesser = meilisearch.Client(client.config.url, made.key, timeout=10)
    assert lesser.index("questions").search("gradient")["hits"]
    with pytest.raises(MeilisearchApiError) as refusal:
        lesser.index("questions").get_settings()
    assert refusal.value.code == "invalid_api_key"
    assert client.delete_key(made.uid) == 204
    with pytest.raises(MeilisearchApiError):
        lesser.index("questions").search("gradient")


def test_a_dump_and_a_snapshot_are_tasks(client: meilisearch.Client) -> None:
    assert done(client, client.create_dump()).details["dumpUid"]
    done(client, client.create_snapshot())


def test_the_client_sees_trouble_as_trouble() -> None:
    with FakeMeili() as fake:
        client = meilisearch.Client(fake.url, fake.key, timeout=1)
        fake.faults.full_disk = True
        with pytest.raises(MeilisearchApiError) as refusal:
            client.create_index("questions")
        assert refusal.value.code == "no_space_left_on_device"
        fake.faults.lift()
        fake.faults.lost_responses = 1
        with pytest.raises(MeilisearchCommunicationError):
            client.create_index("questions")
        fake.idle()
        assert client.get_index("questions").uid == "questions"
        fake.faults.slow = 5.0
        with pytest.raises(MeilisearchTimeoutError):
            client.get_version()
        fake.faults.lift()
        fake.down()
        with pytest.raises(MeilisearchCommunicationError):
            client.get_version()
        fake.up()
        assert client.is_healthy()
