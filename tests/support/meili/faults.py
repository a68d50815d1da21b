"""The faults that tests can switch on in the fake server."""

from collections.abc import Callable
from dataclasses import dataclass, field


def _do_nothing() -> None:
    pass


@dataclass
class Faults:
    """The faults; each stays on until it is set back, and a counted one for that many times.

    `delay_seconds` delays every response. `unavailable` responds 503 to every request,
    `search_queue_full` to searches only. `full_disk` refuses writes. `lost_requests` closes the
    connection before a request is handled, `lost_responses` after a write was enqueued.
    `hold_tasks` keeps tasks enqueued, `stall_batches` keeps a batch processing, and
    `failing_batches` makes whole batches fail. `on_change` is called after each change.
    """

    delay_seconds: float = 0.0
    unavailable: bool = False
    search_queue_full: bool = False
    full_disk: bool = False
    lost_requests: int = 0
    lost_responses: int = 0
    hold_tasks: bool = False
    stall_batches: bool = False
    failing_batches: int = 0
    on_change: Callable[[], object] = field(default_factory=lambda: _do_nothing, repr=False)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name != "on_change" and hasattr(self, "on_change"):
            self.on_change()

    def consume(self, name: str) -> bool:
        """Use a counted fault once; return False if none is left."""
        count: int = getattr(self, name)
        if count > 0:
            setattr(self, name, count - 1)
        return count > 0

    def reset(self) -> None:
        """Switch every fault off."""
        defaults = Faults()
        for name in vars(defaults):
            if name != "on_change":
                setattr(self, name, getattr(defaults, name))
