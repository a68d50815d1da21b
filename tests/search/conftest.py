"""Servers and worlds for the tests of the mirror."""

from collections.abc import Callable, Iterator

import pytest

from app.core.settings import Settings
from tests.search.support.mirroring import World, running
from tests.support.meili.proxy import FaultProxy

SERVERS = ["fake", pytest.param("live", marks=pytest.mark.live)]


@pytest.fixture(params=SERVERS)
def world(
    request: pytest.FixtureRequest,
    fresh_settings: Callable[..., Settings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A deployment with one empty bank; the server is the fake one or, where named, a real one."""
    with (
        running(request.param, tmp_path_factory.mktemp("server")) as server,
        FaultProxy(server.url) as proxy,
    ):
        world = World(fresh_settings(), server, proxy)
        world.make_bank()
        yield world
        world.close()
