"""The fake Meilisearch responds like a real v1.50 server whose responses were recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.search.support.replay import Exchange, Replay, load_recording
from tests.support.meili.fake import FakeMeili
from tests.support.meili.real import RealMeili, binary_path

# Scenarios and steps that are not replayed, each with the reason.
SKIPPED = {
    "tenant tokens": "the service signs none, because callers never send requests to Meilisearch",
}
SKIPPED_ON_REAL_SERVER = SKIPPED | {
    "limits: a full search queue (200 of 960 searches refused)": "needs many concurrent searches",
}
SCENARIOS = sorted({exchange["scenario"] for exchange in load_recording()} - set(SKIPPED))


def is_in(reasons: dict[str, str]) -> Callable[[Exchange], bool]:
    return lambda exchange: (
        exchange["scenario"] in reasons or f"{exchange['scenario']}: {exchange['step']}" in reasons
    )


@pytest.fixture(scope="module")
def replayed() -> Replay:
    with FakeMeili() as fake:
        replay = Replay(fake)
        replay.run(is_in(SKIPPED))
    return replay


@pytest.fixture(scope="module")
def replayed_on_real(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    program = binary_path()
    if program is None:
        pytest.skip("MEILI_BINARY names no server")
    folder: Path = tmp_path_factory.mktemp("meili") / "server"
    with RealMeili(program, folder) as real:
        replay = Replay(real)
        replay.run(is_in(SKIPPED_ON_REAL_SERVER))
    return replay


def differences(replay: Replay, scenario: str) -> str:
    lines = [f"{step}: {text}" for name, step, text in replay.differences if name == scenario]
    return "\n".join(lines)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_fake_server_responds_as_recorded(replayed: Replay, scenario: str) -> None:
    assert not differences(replayed, scenario), differences(replayed, scenario)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_real_server_responds_as_recorded(replayed_on_real: Replay, scenario: str) -> None:
    assert not differences(replayed_on_real, scenario), differences(replayed_on_real, scenario)


def test_skipped_steps_were_recorded_and_have_a_reason() -> None:
    names = {exchange["scenario"] for exchange in load_recording()}
    names |= {f"{exchange['scenario']}: {exchange['step']}" for exchange in load_recording()}
    assert set(SKIPPED_ON_REAL_SERVER) <= names
    assert all(SKIPPED_ON_REAL_SERVER.values())
