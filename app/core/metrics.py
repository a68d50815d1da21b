"""Metrics in the text format of Prometheus, summed over the worker processes of a host."""

import os
from collections import defaultdict
from functools import lru_cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# Observations are buffered: the library takes a lock for each one.
MAX_BUFFERED = 64


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        """Create the metrics in a registry of their own."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "quizwell_requests", "Responses sent", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "quizwell_request_seconds",
            "Time from a request's headers to its response",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.questions = Gauge(
            "quizwell_questions",
            "Published questions in memory",
            registry=self._registry,
            multiprocess_mode="max",
        )
        self.lag = Gauge(
            "quizwell_follow_lag_seconds",
            "Time since the worker was last known to be up to date",
            registry=self._registry,
            multiprocess_mode="max",
        )
        self.search_lag = Gauge(
            "quizwell_search_lag_seconds",
            "Time since the search index was up to date, or since the oldest change that it lacks",
            ["engine"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self.mirror = Gauge(
            "quizwell_search_mirror",
            "State of the mirror into a search server",
            ["figure"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        # Looking a child up by its labels takes longer than counting.
        self._child = lru_cache(maxsize=4096)(self._make_child)
        self._buffered: defaultdict[tuple[str, int], list[float]] = defaultdict(list)

    def _make_child(self, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(route, status), self._seconds.labels(route)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one response."""
        buffered = self._buffered[route, status]
        buffered.append(seconds)
        if len(buffered) >= MAX_BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Pass the buffered observations to the library."""
        for (route, status), buffered in self._buffered.items():
            counter, histogram = self._child(route, status)
            counter.inc(len(buffered))
            for seconds in buffered:
                histogram.observe(seconds)
        self._buffered.clear()

    def text(self) -> bytes:
        """Return the metrics of all worker processes of this host."""
        self.flush()
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library is untyped
        return generate_latest(registry)
