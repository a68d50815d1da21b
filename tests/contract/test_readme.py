"""README: its examples return what it shows, and its settings and targets exist."""

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic_core import PydanticUndefined

from app.core.settings import Settings
from app.starting import prepare
from tests.support.databases import ADMIN_KEY, SqliteTemplate
from tests.support.serving import serving

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
# A command and the response below it.
EXAMPLES = re.findall(r"```sh\n(curl .*?)```\n\n```json\n(.*?)```", README, re.DOTALL)
ANYTHING = "…"


@pytest.fixture(scope="module")
def seeded(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    settings = sqlite_template.fresh(tmp_path_factory.mktemp("readme"))
    prepare(settings, lambda _: None)
    with serving(settings) as running:
        _wait_for_corrections(running.url)
        yield running.url


def _wait_for_corrections(url: str) -> None:
    """Wait until the search index has loaded the words that it corrects misspelt ones with."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = httpx.get(f"{url}/v1/search", params={"q": "gradint descnt"})
        if found.status_code == 200 and found.json()["corrected"] is not None:
            return
        time.sleep(0.05)


def _send(command: str, url: str) -> httpx.Response:
    plain = command.replace("\\\n", " ").replace("$(cat var/admin.key)", ADMIN_KEY)
    words = shlex.split(plain)
    assert words.pop(0) == "curl"
    headers, body, address = {}, None, ""
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0).encode()
        else:
            address = word.replace("localhost:8000", url)
    return httpx.request("POST" if body else "GET", address, headers=headers, content=body)


def _matches(shown: Any, returned: Any, path: str = "") -> None:
    if shown == ANYTHING:
        assert returned, path
    elif isinstance(shown, dict):
        assert isinstance(returned, dict), path
        if ANYTHING not in shown:
            assert shown.keys() == returned.keys(), path
        for name in shown.keys() - {ANYTHING}:
            _matches(shown[name], returned[name], f"{path}/{name}")
    elif isinstance(shown, list):
        assert len(shown) == len(returned), path
        for number, (one, other) in enumerate(zip(shown, returned, strict=True)):
            _matches(one, other, f"{path}/{number}")
    else:
        assert shown == returned, path


@pytest.mark.parametrize(("command", "response"), EXAMPLES, ids=[c[:60] for c, _ in EXAMPLES])
def test_an_example_returns_what_is_shown(command: str, response: str, seeded: str) -> None:
    _matches(httpx.Response(200, text=response).json(), _send(command, seeded).json())


def test_there_are_examples_with_and_without_a_key() -> None:
    assert len(EXAMPLES) >= 6
    assert any("Authorization" in command for command, _ in EXAMPLES)


def test_each_setting_is_listed_with_its_default() -> None:
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", README, re.MULTILINE))
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"QUIZWELL_{name.upper()}")
        assert field.default is not PydanticUndefined
        shown = str(field.default).lower() if isinstance(field.default, bool) else field.default
        assert listed.pop(variable) == (f"`{shown}`" if shown not in {"", ()} else "—")
    assert listed == {}


def test_every_named_target_and_page_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", README)) <= targets
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if not link.startswith("http"):
            assert (ROOT / link).exists(), link
