"""docker-compose.yml and the Dockerfile do what the README describes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.openapi.docs_page import ERRORS
from app.core.settings import Settings
from tests.support.meili.real import INDEXING_MEMORY

ROOT = Path(__file__).parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PINNED = re.compile(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$")


def test_it_starts_a_database_a_search_engine_and_the_service() -> None:
    assert set(SERVICES) == {"database", "search", "quizwell"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_pinned_or_built_health_checked_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert service.get("build") == "." or PINNED.match(service["image"])
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["restart"] == "unless-stopped"


def test_the_service_runs_several_workers_on_postgresql_in_production() -> None:
    environment = SERVICES["quizwell"]["environment"]
    assert int(environment["QUIZWELL_WORKERS"]) > 1
    assert environment["QUIZWELL_ENV"] == "production"
    assert environment["QUIZWELL_DATABASE_URL"].startswith("postgresql://")
    assert environment["MEILI_URL"] == "http://search:7700"
    assert set(SERVICES["quizwell"]["depends_on"]) == {"database", "search"}


def test_the_search_server_has_the_settings_of_the_benchmark() -> None:
    assert SERVICES["search"]["environment"]["MEILI_MAX_INDEXING_MEMORY"] == INDEXING_MEMORY


def test_it_sets_only_settings_that_exist() -> None:
    variables = {
        name.removeprefix("QUIZWELL_").lower() for name in SERVICES["quizwell"]["environment"]
    }
    assert variables <= set(Settings.model_fields)


def test_it_contains_no_secret() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|MASTER_KEY|MEILI_KEY", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name


def test_the_image_is_pinned_and_runs_as_an_ordinary_user() -> None:
    text = (ROOT / "Dockerfile").read_text()
    image = re.search(r"^FROM (\S+)$", text, re.MULTILINE)
    assert image
    assert PINNED.match(image.group(1).replace("-slim-bookworm", "-slim"))
    assert re.search(r"^USER quizwell$", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*quizwell", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["Dockerfile", "Makefile"])
def test_packages_are_installed_from_the_lock_file_only(name: str) -> None:
    """Without --no-deps pip would look for newer releases of extras, and refuse their hashes."""
    installs = re.findall(r"pip install .*-r .*", (ROOT / name).read_text())
    assert installs
    for install in installs:
        assert "--require-hashes --no-deps" in install


def test_all_served_files_are_in_the_image() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert {"app", "migrations", "seed", str(ERRORS.relative_to(ROOT))} <= names
