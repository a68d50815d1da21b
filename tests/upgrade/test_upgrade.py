"""A database of an older version is migrated and delivers the same bytes as before."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from app.core.db.database import Database
from app.core.settings import Settings
from app.migrating import check, is_migrated, migrate
from tests.support.databases import make_settings
from tests.support.serving import http_client, serving
from tests.upgrade.restore import origin, responses, restore_postgresql, restore_sqlite

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=DATABASES)
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Restore the old database; gives settings with the secrets that it was written with."""
    secrets = {
        "secret_keys": (origin()["secret_key"],),
        "admin_key": origin()["admin_key"],
    }
    data_dir = tmp_path_factory.mktemp("old")
    if request.param == "sqlite":
        restore_sqlite(data_dir / "quizwell.db")
        yield make_settings(data_dir, **secrets)
        return
    template = request.getfixturevalue("postgres_template")
    settings = template.empty(data_dir).model_copy(update=secrets)
    restore_postgresql(settings)
    yield settings
    template.remove(settings)


def test_an_old_database_is_migrated_and_its_tables_are_those_of_the_models(
    recorded: Settings,
) -> None:
    with closing(Database(recorded)) as database:
        migrate(database)
        assert is_migrated(database)
        check(database)


def test_a_migrated_database_delivers_what_the_old_version_delivered(recorded: Settings) -> None:
    with closing(Database(recorded)) as database:
        migrate(database)
    with (
        serving(recorded) as service,
        http_client(service.url, origin()["reader_key"]) as reader,
    ):
        wait_for_search(reader)
        changed = [
            f"{response['address']} {difference}"
            for response in responses()
            for difference in differences(
                response, reader if response["key"] else service.anonymous
            )
        ]
    assert changed == [], f"{len(changed)} responses differ; the first: {changed[0]}"


def wait_for_search(client: httpx.Client) -> None:
    edition = {"Quizwell-Min-Edition": client.get("/v1/facets").headers["Quizwell-Edition"]}
    while client.get("/v1/search?q=a", headers=edition).status_code == 503:
        pass


def differences(recorded: dict[str, Any], client: httpx.Client) -> Iterator[str]:
    """Yield what is not as it was: cursors and marks too, since the secret is the same."""
    response = client.get(recorded["address"])
    if response.status_code != recorded["status"]:
        yield f"status {response.status_code}, was {recorded['status']}"
    if response.is_error:
        # Each has a request id of its own.
        if response.json()["code"] != json.loads(recorded["body"])["code"]:
            yield f"error {response.text}, was {recorded['body']}"
        return
    if response.text != recorded["body"]:
        yield f"body {response.text}, was {recorded['body']}"
    for name, value in recorded["headers"].items():
        if response.headers.get(name) != value:
            yield f"{name} {response.headers.get(name)}, was {value}"
