"""The fake Meilisearch server as tests use it: on a port of its own, with faults to switch on."""

import time
from typing import Self

from tests.support.meili.faults import Faults
from tests.support.meili.http import document_routes, index_routes, search_routes, server_routes
from tests.support.meili.http.keys import default_keys
from tests.support.meili.http.listener import Listener
from tests.support.meili.http.server import Server
from tests.support.meili.state import ServerState
from tests.support.meili.tasks.scheduler import Scheduler

MASTER_KEY = "the-master-key-of-the-fake-server"
PAYLOAD_LIMIT_BYTES = 100_000_000
ROUTES = [
    *server_routes.ROUTES,
    *index_routes.ROUTES,
    *document_routes.ROUTES,
    *search_routes.ROUTES,
]


class FakeMeili:
    """A fake Meilisearch v1.50 that listens on 127.0.0.1 until it is closed.

    `batch_seconds` is the shortest time that a batch takes. `faults` may be set at any time.
    """

    def __init__(
        self,
        master_key: str | None = MASTER_KEY,
        port: int = 0,
        batch_seconds: float = 0.001,
        payload_limit: int = PAYLOAD_LIMIT_BYTES,
    ) -> None:
        self.faults = Faults()
        self._scheduler = Scheduler(self.faults, batch_seconds)
        self._server = Server(self._scheduler, ROUTES, master_key, payload_limit)
        self.wipe()
        self._listener = Listener(self._server.handle, port)
        self._listener.up()
        self._listener.start_background(self._scheduler.run())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return self._listener.url

    @property
    def key(self) -> str:
        """The master key."""
        return self._server.master_key or ""

    @property
    def payload_limit(self) -> int:
        return self._server.payload_limit

    @payload_limit.setter
    def payload_limit(self, size: int) -> None:
        self._server.payload_limit = size

    @property
    def state(self) -> ServerState:
        """The stored state; read it only while no task is being processed."""
        return self._scheduler.state

    def close(self) -> None:
        self._listener.close()

    def down(self) -> None:
        """Refuse connections and abort the open ones; tasks are still processed."""
        self._listener.down()

    def up(self) -> None:
        self._listener.up()

    def wait_until_idle(self, seconds: float = 10.0) -> None:
        """Wait until no task is enqueued or being processed."""
        deadline = time.monotonic() + seconds
        while True:
            with self._scheduler.lock:
                tasks = self.state.tasks.values()
                if not any(task.status in ("enqueued", "processing") for task in tasks):
                    return
            assert time.monotonic() < deadline, "tasks are still waiting"
            time.sleep(0.002)

    # Replacing the server behind the same address

    def wipe(self, master_key: str | None = "") -> None:
        """Become a newly installed server; a `master_key` other than "" replaces the old one."""
        if master_key != "":
            self._server.master_key = master_key
        keys = default_keys() if self._server.master_key else {}
        self._replace_state(ServerState(keys=keys))

    def crash(self) -> None:
        """Kill and restart the server: tasks that were being processed start again."""
        self._replace_state(self.save_state())

    def save_state(self) -> ServerState:
        """Return a copy of the state, for `restore_state`."""
        with self._scheduler.lock:
            return self.state.copy()

    def restore_state(self, saved: ServerState) -> None:
        """Return to a saved state; the uids of later tasks are used again."""
        self._replace_state(saved.copy())

    def restore_snapshot(self) -> None:
        """Return to the latest snapshot that a task made."""
        assert self._scheduler.snapshot is not None, "no snapshot was made"
        self.restore_state(self._scheduler.snapshot)

    def restore_dump(self) -> None:
        """Return to the latest dump that a task made."""
        assert self._scheduler.dump is not None, "no dump was made"
        self.restore_state(self._scheduler.dump)

    def _replace_state(self, state: ServerState) -> None:
        with self._scheduler.lock:
            self._scheduler.state = state
        self._scheduler.wake()
