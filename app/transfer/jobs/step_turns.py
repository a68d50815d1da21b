"""Whose turn it is: steps are applied in the order of the file, by one process or by two."""

import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol

LEAST_WAITS = 10
MOST_WAITING = 0.5


class StoppedError(Exception):
    """The run stops here: the process ends, or someone else has the job."""


class PartnerLostError(Exception):
    """The other process is gone, or cannot go on."""


class Outcome(NamedTuple):
    """What a step left: the job's new values, seconds until its commit, and how many rows."""

    number: int
    values: dict[str, Any]
    seconds: float
    rows: int


class Turns(Protocol):
    """Who takes which step, and when."""

    def mine(self, number: int) -> bool:
        """Return whether this process takes the step."""

    def before(self, number: int) -> Outcome | None:
        """Wait for the step before `number`; return its outcome where it was the other's."""

    def after(self, outcome: Outcome) -> None:
        """Tell the other what this process has done."""


class Alone:
    """Every step is this process's."""

    def mine(self, number: int) -> bool:  # noqa: ARG002 - the protocol's
        """Return True."""
        return True

    def before(self, number: int) -> Outcome | None:  # noqa: ARG002 - the protocol's
        """Return None: there is nobody to wait for."""
        return None

    def after(self, outcome: Outcome) -> None:
        """Do nothing: there is nobody to tell."""


@dataclass(slots=True)
class Alternating:
    """Every other step is this process's; `first` is the number of its first one, 0 or 1.

    An impatient side does without the other where most of the time goes by waiting for it: on a
    busy machine the turns can cost more than they bring.
    """

    connection: Connection
    first: int
    impatient: bool = False
    _began: float = field(default_factory=time.perf_counter)
    _waited: float = 0.0
    _waits: int = 0

    def mine(self, number: int) -> bool:
        """Return whether the number is one of this side's."""
        return number % 2 == self.first

    def before(self, number: int) -> Outcome | None:
        """Wait for the other side; PartnerLostError when it is gone, or not worth waiting for."""
        if number == 0 or self.mine(number - 1):
            return None
        asked = time.perf_counter()
        try:
            outcome = self.connection.recv()
        except (EOFError, OSError) as error:
            raise PartnerLostError from error
        if not isinstance(outcome, Outcome) or outcome.number != number - 1:
            raise PartnerLostError
        now = time.perf_counter()
        self._waits += 1
        self._waited += now - asked
        is_slow = self._waited > MOST_WAITING * (now - self._began)
        if self.impatient and is_slow and self._waits >= LEAST_WAITS:
            raise PartnerLostError
        return outcome

    def after(self, outcome: Outcome) -> None:
        """Tell the other side; PartnerLostError when it is gone."""
        try:
            self.connection.send(outcome)
        except OSError as error:
            raise PartnerLostError from error
