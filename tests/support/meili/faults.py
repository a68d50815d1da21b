"""The ways in which the fake Meilisearch can be told to misbehave."""

from collections.abc import Callable
from dataclasses import dataclass, field


def _nothing() -> None:
    pass


@dataclass
class Faults:
    """Switches; each works until it is set back, those with a count so many times.

    `slow` delays every answer by seconds. `unavailable` answers 503 to everything, `busy` to
    searches only. `full_disk` refuses writes. `lost_requests` closes the connection before a
    request is read, `lost_responses` after a write was enqueued. `hold` keeps tasks enqueued,
    `stall` keeps a batch processing. `failing_batches` fails whole batches. `changed` is called
    after each change.
    """

    slow: float = 0.0
    unavailable: bool = False
    busy: bool = False
    full_disk: bool = False
    lost_requests: int = 0
    lost_responses: int = 0
    hold: bool = False
    stall: bool = False
    failing_batches: int = 0
    changed: Callable[[], object] = field(default_factory=lambda: _nothing, repr=False)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name != "changed" and hasattr(self, "changed"):
            self.changed()

    def take(self, name: str) -> bool:
        """Use up one of a counted fault; False when there is none."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0

    def lift(self) -> None:
        """Set every switch back."""
        usual = Faults()
        for name in vars(usual):
            if name != "changed":
                setattr(self, name, getattr(usual, name))
