"""The drift check finds differences in both directions, and the repair removes them."""

import asyncio
import json

import pytest

from app.access.access_snapshot import AccessSnapshot
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.published.follower import Follower
from app.published.publishing import publish
from app.search.embedded.index_file import IndexFiles, open_index
from app.search.embedded.tables import read_banks
from app.search.meilisearch.indexes.index_names import live_index_name
from app.search.operations import drift_check
from app.search.operations.commands import check_all, reindex
from app.search.operations.drift_check import check_replica
from app.search.operations.rebuild import reindex_embedded, repair_server
from app.search.operations.replicas import CatalogReplica, EmbeddedReplica, ReplicaError
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.support.mirroring import FAST_TIMINGS, Deployment, answers, document
from tests.support.publications import make_bank, make_publication


@pytest.fixture(autouse=True)
def short_catch_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that is behind stays behind in these tests, so do not wait long for it."""
    monkeypatch.setattr(drift_check, "CATCH_UP_SECONDS", 0.5)


def _make_drift(deployment: Deployment) -> None:
    """Change the index without the mirror: one document missing, two stale, one not published."""
    name = live_index_name(deployment.prefix, "science")
    (document_4,) = deployment.direct_client._fetch_documents(name, "id > 3 AND id < 5")
    tasks = [
        deployment.direct_client.delete_documents(name, [2]),
        deployment.direct_client.put_documents(
            name, json.dumps({**document_4, "id": 3, "revision": 0}).encode()
        ),
        deployment.direct_client.put_documents(
            name, json.dumps({**document_4, "signature": "0123456789abcdef"}).encode()
        ),
        deployment.direct_client.put_documents(
            name, json.dumps({**document_4, "id": 999}).encode()
        ),
    ]
    while not all(
        task.is_finished
        for task in deployment.direct_client.get_tasks([task.uid for task in tasks]).values()
    ):
        pass


def test_missing_stale_and_ghost_documents_are_found_and_repaired(
    deployment: Deployment,
) -> None:
    deployment.publish_many(8)
    deployment.start_mirror()
    deployment.converge()
    _make_drift(deployment)
    report = deployment.check_drift()
    assert report is not None
    assert (report.missing, report.stale, report.ghost) == ([2], [3, 4], [999])
    assert report.compared == 8
    repair_server(deployment.database, deployment.settings, lambda _: None, FAST_TIMINGS)
    assert deployment.converge().total == 0


def test_changes_that_the_mirror_has_not_reached_are_no_drift(deployment: Deployment) -> None:
    deployment.publish_many(8)
    deployment.start_mirror()
    deployment.converge()
    deployment.stop_mirrors()
    deployment.publish_many(3)
    report = deployment.check_drift()
    assert report is not None
    assert report.behind
    assert report.total == 0


def test_a_routine_comparison_finds_and_repairs_drift(deployment: Deployment) -> None:
    from dataclasses import replace  # noqa: PLC0415

    deployment.publish_many(8)
    deployment.start_mirror(replace(FAST_TIMINGS, comparison_seconds=0.5))
    deployment.converge()
    _make_drift(deployment)
    deployment.converge()


def _published(database: Database, count: int) -> None:
    make_bank(database)
    make_bank(database, "exam", exposure="exam")
    entries = [
        make_publication(document=document(f"Why {n}?"), answers=answers("x"), bank=bank)
        for bank in ("science", "exam")
        for n in range(count)
    ]
    with database.write() as session:
        publish(session, entries)


def test_the_embedded_index_is_checked_and_repaired(database: Database, settings: Settings) -> None:
    _published(database, 5)
    with pytest.raises(ReplicaError):
        asyncio.run(check_replica(database, settings, EmbeddedReplica(settings)))
    assert reindex_embedded(database, settings) == 10
    assert asyncio.run(check_replica(database, settings, EmbeddedReplica(settings))).as_json() == {
        "name": "embedded",
        "behind": False,
        "compared": 5,
        "quarantined": 0,
        "missing": {"count": 0, "numbers": []},
        "stale": {"count": 0, "numbers": []},
        "ghost": {"count": 0, "numbers": []},
    }
    path = IndexFiles(settings.data_dir).current()
    assert path is not None
    connection = open_index(path, read_only=False)
    table = read_banks(connection)["science"].table
    connection.execute(f"DELETE FROM {table} WHERE rowid = 2")
    connection.execute(f"UPDATE {table} SET revision = 9 WHERE rowid = 3")
    connection.execute(f"INSERT INTO {table} (rowid, stem, revision) VALUES (77, 'x', 1)")
    connection.close()
    report = asyncio.run(check_replica(database, settings, EmbeddedReplica(settings)))
    assert (report.missing, report.stale, report.ghost) == ([2], [3], [77])
    lines: list[str] = []
    assert check_all(database, settings, lines.append, repair=True)
    assert lines == [
        "embedded: 5 questions compared; by number: 1 missing (2), 1 stale (3), 1 left over (77).",
        "embedded: repaired.",
        "embedded: 5 questions compared; both sides are equal.",
        "catalog: 10 questions compared; both sides are equal.",
    ]


def test_a_missing_embedded_index_is_built_by_the_repair(
    database: Database, settings: Settings
) -> None:
    _published(database, 3)
    lines: list[str] = []
    assert not check_all(database, settings, lines.append, repair=False)
    assert lines[0] == "embedded: the embedded index does not exist."
    assert check_all(database, settings, lines.append, repair=True)
    reindex(database, settings, None, lines.append)
    assert lines[-1] == "embedded: the new index is live (feed up to 6)."


def test_a_workers_catalog_is_checked(database: Database, settings: Settings) -> None:
    _published(database, 5)

    async def body() -> None:
        access, vocabularies = AccessSnapshot(settings), VocabularySnapshot()
        catalog = Catalog(database, settings, load_secrets(settings), access, vocabularies)
        follower = Follower(database, catalog, [access, vocabularies])
        await follower.catch_up()
        replica = CatalogReplica(catalog)
        assert (await check_replica(database, settings, replica)).total == 0
        new_question = make_publication(document=document("More?"), answers=answers("x"))
        with database.write() as session:
            publish(session, [new_question])
        report = await check_replica(database, settings, replica)
        assert (report.behind, report.total) == (True, 0)

    asyncio.run(body())
