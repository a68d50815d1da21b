"""How fast the mirror goes: every time and size of it in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, unless the name says otherwise; tests go faster."""

    poll: float = 0.05  # between two looks at the clock
    ask: float = 0.015  # until tasks are asked for, at first; then twice as long each time
    ask_most: float = 0.25
    retry: float = 0.5  # the first pause after a failure, at most; then twice as long each time
    retry_most: float = 15.0
    slow: float = 30.0  # between two tries with a key that is refused or a server that is full
    verify: float = 5.0  # between two looks at whether the server still is what we left
    compare: float = 900.0  # between two comparisons that nothing asked for
    doubt: float = 5.0  # from a lost answer or a violent change of the holder to a comparison
    note: float = 10.0  # between two notes left on the server
    report: float = 1.0  # between two reports of figures that changed
    lease: float = 10.0
    renew: float = 3.0
    timeout: int = 6  # for one request; shorter than what is left of a lease when it is renewed
    documents: int = 1000  # in one request
    bytes: int = 5_000_000  # in one request
    rows: int = 2000  # read at once
    flights: int = 16  # requests that the server has taken and not ended
    bulk_flights: int = 12  # of them for builds and repairs


PACE = Pace()
