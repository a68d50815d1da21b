"""Fixtures for the tests of the mirror."""

from collections.abc import Callable, Iterator

import pytest

from app.core.settings import Settings
from tests.search.support.mirroring import Deployment, running_server
from tests.support.meili.proxy import FaultProxy

SERVERS = ["fake", pytest.param("live", marks=pytest.mark.live)]


@pytest.fixture(params=SERVERS)
def deployment(
    request: pytest.FixtureRequest,
    fresh_settings: Callable[..., Settings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """A deployment with one empty bank, on the fake server or, where one is named, a real one."""
    with (
        running_server(request.param, tmp_path_factory.mktemp("server")) as server,
        FaultProxy(server.url) as proxy,
    ):
        deployment = Deployment(fresh_settings(), server, proxy)
        deployment.make_bank()
        yield deployment
        deployment.close()
