"""The fake Meilisearch answers what a real v1.50 server was recorded to answer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.search.support.replay import Exchange, Replay, recorded
from tests.support.meili.fake import FakeMeili
from tests.support.meili.real import RealMeili, binary

# What is not replayed, each with its reason: a scenario, or one of its steps.
OUT_OF_REACH = {
    "tenant tokens": "the service signs none: callers never speak to Meilisearch themselves",
}
OUT_OF_REACH_OF_A_REAL_SERVER = OUT_OF_REACH | {
    "limits: a full search queue (200 of 960 searches refused)": "needs a crowd of searches",
}
SCENARIOS = sorted({exchange["scenario"] for exchange in recorded()} - set(OUT_OF_REACH))


def left_out(reasons: dict[str, str]) -> Callable[[Exchange], bool]:
    return lambda exchange: (
        exchange["scenario"] in reasons or f"{exchange['scenario']}: {exchange['step']}" in reasons
    )


@pytest.fixture(scope="module")
def replayed() -> Replay:
    with FakeMeili() as fake:
        replay = Replay(fake)
        replay.run(left_out(OUT_OF_REACH))
    return replay


@pytest.fixture(scope="module")
def replayed_for_real(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    program = binary()
    if program is None:
        pytest.skip("MEILI_BINARY names no server")
    folder: Path = tmp_path_factory.mktemp("meili") / "server"
    with RealMeili(program, folder) as real:
        replay = Replay(real)
        replay.run(left_out(OUT_OF_REACH_OF_A_REAL_SERVER))
    return replay


def told(replay: Replay, scenario: str) -> str:
    found = [f"{step}: {text}" for name, step, text in replay.differences if name == scenario]
    return "\n".join(found)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_fake_answers_as_recorded(replayed: Replay, scenario: str) -> None:
    assert not told(replayed, scenario), told(replayed, scenario)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_real_server_answers_as_recorded(replayed_for_real: Replay, scenario: str) -> None:
    assert not told(replayed_for_real, scenario), told(replayed_for_real, scenario)


def test_what_is_left_out_was_recorded_and_has_a_reason() -> None:
    names = {exchange["scenario"] for exchange in recorded()}
    names |= {f"{exchange['scenario']}: {exchange['step']}" for exchange in recorded()}
    assert set(OUT_OF_REACH_OF_A_REAL_SERVER) <= names
    assert all(OUT_OF_REACH_OF_A_REAL_SERVER.values())
