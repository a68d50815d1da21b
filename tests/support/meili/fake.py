"""The fake Meilisearch as tests use it: on a port of its own, with switches for trouble."""

import time
from typing import Self

from tests.support.meili import document_routes, index_routes, server_routes
from tests.support.meili.faults import Faults
from tests.support.meili.keys import default_keys
from tests.support.meili.scheduling import Scheduler
from tests.support.meili.server import Server
from tests.support.meili.state import State
from tests.support.meili.wire import Listener

MASTER_KEY = "the-master-key-of-the-fake-server"
PAYLOAD_LIMIT = 100_000_000
ROUTES = [*server_routes.ROUTES, *index_routes.ROUTES, *document_routes.ROUTES]


class FakeMeili:
    """A Meilisearch of our own, listening on 127.0.0.1 until it is closed.

    `seconds` is what a batch takes at least. `faults` may be set at any time.
    """

    def __init__(
        self,
        master_key: str | None = MASTER_KEY,
        port: int = 0,
        seconds: float = 0.001,
        payload_limit: int = PAYLOAD_LIMIT,
    ) -> None:
        self.faults = Faults()
        self._scheduler = Scheduler(self.faults, seconds)
        self._server = Server(self._scheduler, ROUTES, master_key, payload_limit)
        self.wipe()
        self._listener = Listener(self._server.handle, port)
        self._listener.up()
        self._listener.job(self._scheduler.run())

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
    def requests(self) -> list[tuple[str, str]]:
        """Method and target of every request so far."""
        return self._server.requests

    @property
    def state(self) -> State:
        """What the server keeps; to be looked at while nothing is being done."""
        return self._scheduler.state

    def close(self) -> None:
        self._listener.close()

    def down(self) -> None:
        """Refuse connections and cut those that are open; tasks go on."""
        self._listener.down()

    def up(self) -> None:
        self._listener.up()

    def idle(self, seconds: float = 10.0) -> None:
        """Wait until no task waits or is being done."""
        deadline = time.monotonic() + seconds
        while True:
            with self._scheduler.lock:
                tasks = self.state.tasks.values()
                if not any(task.status in ("enqueued", "processing") for task in tasks):
                    return
            assert time.monotonic() < deadline, "tasks are still waiting"
            time.sleep(0.002)

    # Another server under the same address

    def wipe(self, master_key: str | None = "") -> None:
        """Become a server that was just installed; `master_key` gives it another one."""
        if master_key != "":
            self._server.master_key = master_key
        keys = default_keys() if self._server.master_key else {}
        self._replace(State(keys=keys))

    def crash(self) -> None:
        """Be killed and started: what was being done is done again."""
        self._replace(self.save())

    def save(self) -> State:
        """Return a copy of everything, for `restore`."""
        with self._scheduler.lock:
            return self.state.copied()

    def restore(self, saved: State) -> None:
        """Become what was saved; uids of later tasks are given out again."""
        self._replace(saved.copied())

    def restore_snapshot(self) -> None:
        """Become the latest snapshot that a task made."""
        assert self._scheduler.snapshot is not None, "no snapshot was made"
        self.restore(self._scheduler.snapshot)

    def restore_dump(self) -> None:
        """Become the latest dump that a task made."""
        assert self._scheduler.dump is not None, "no dump was made"
        self.restore(self._scheduler.dump)

    def _replace(self, state: State) -> None:
        with self._scheduler.lock:
            self._scheduler.state = state
        self._scheduler.wake()
