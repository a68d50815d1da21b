"""Operators check over HTTP where an index differs from the database, and repair it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from app.core.settings import Settings
from app.search.embedded.index_file import IndexFiles
from tests.search.support.search_service import SearchService, serve_search

CHECK, REPAIR = "/v1/editing/search/check", "/v1/editing/search/repair"


@pytest.fixture(params=["embedded", "meilisearch"])
def found(
    request: pytest.FixtureRequest, fresh_settings: Callable[..., Settings]
) -> Iterator[SearchService]:
    with serve_search(request.param, fresh_settings) as running:
        yield running


def _counts(items: list[dict[str, Any]]) -> dict[str, tuple[int, int, int]]:
    return {
        item["name"]: (item["missing"]["count"], item["stale"]["count"], item["ghost"]["count"])
        for item in items
    }


def test_replicas_that_are_up_to_date_do_not_differ(found: SearchService) -> None:
    found.publish("A riddle.")
    engine = found.search("riddle")["engine"]
    items = found.service.admin.get(CHECK).json()["items"]
    assert _counts(items) == {"catalog": (0, 0, 0), engine: (0, 0, 0)}
    assert {item["compared"] for item in items} == {1}
    assert {item["error"] for item in items} == {None}


def test_only_operators_may_check_and_repair(found: SearchService) -> None:
    key = found.service.make_key("questions:write", "taxonomy:write")
    for response in (key.get(CHECK), key.post(REPAIR)):
        assert (response.status_code, response.json()["code"]) == (403, "missing_scope")
    assert found.service.make_key("operate").get(CHECK).status_code == 200


def test_a_document_lost_from_the_index_is_reported_and_repaired(
    fresh_settings: Callable[..., Settings],
) -> None:
    with serve_search("embedded", fresh_settings) as found:
        found.publish("A riddle.")
        found.publish("Another riddle.")
        assert found.search("riddle")["total"] == 2
        path = IndexFiles(found.service.settings.data_dir).current()
        assert path is not None
        with closing(sqlite3.connect(path, timeout=10)) as index:
            (table,) = index.execute(
                "SELECT name FROM sqlite_master WHERE sql LIKE '%USING fts5(%stem%'"
            ).fetchone()
            index.execute(f"DELETE FROM {table} WHERE rowid = 1")
            index.commit()
        items = found.service.admin.get(CHECK).json()["items"]
        assert _counts(items)["embedded"] == (1, 0, 0)
        assert _counts(found.service.admin.post(REPAIR).json()["items"])["embedded"] == (1, 0, 0)
        assert _counts(found.service.admin.get(CHECK).json()["items"])["embedded"] == (0, 0, 0)
        assert found.search("riddles")["total"] == 2
