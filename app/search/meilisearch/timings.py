"""The intervals and size limits of the mirror."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Intervals in seconds and sizes; tests use shorter ones.

    Where an interval has a maximum, it doubles from the first value up to that maximum.
    """

    poll_seconds: float = 0.05  # between two reads of the clock while nothing is in flight
    task_poll_seconds: float = 0.015  # between two reads of the tasks in flight, at first
    task_poll_max_seconds: float = 0.25
    retry_seconds: float = 0.5  # the first backoff after a failure
    retry_max_seconds: float = 15.0
    slow_retry_seconds: float = 30.0  # with an invalid key, or while the server has no space
    server_check_seconds: float = 5.0  # between two checks that the server was not replaced
    comparison_seconds: float = 900.0  # between two routine comparisons of all indexes
    late_request_seconds: float = 5.0  # from a lost response, or a takeover, to a comparison
    marker_seconds: float = 10.0  # between two writes of the marker
    report_seconds: float = 1.0  # between two changes of the report
    lease_seconds: float = 10.0
    lease_renewal_seconds: float = 3.0
    request_timeout_seconds: int = 6  # shorter than a lease has left when it is renewed
    batch_documents: int = 1000
    batch_bytes: int = 5_000_000
    read_rows: int = 2000  # rows of one read of the database
    max_in_flight: int = 16  # requests whose tasks have not finished
    max_bulk_in_flight: int = 12  # the same for builds and repairs


DEFAULT_TIMINGS = Timings()
