"""Figures for operators, in Prometheus' text format, summed over a host's workers."""

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
# The library locks for every figure that it counts: answers are given to it so many at a time.
GATHERED = 64


class Metrics:
    """Every figure of one process."""

    def __init__(self) -> None:
        """Make the figures in a registry of their own."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "quizwell_requests", "Answers sent", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "quizwell_request_seconds",
            "Time from a request's head to its answer",
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
            "Time since the worker last knew that it held everything",
            registry=self._registry,
            multiprocess_mode="max",
        )
        self.search_lag = Gauge(
            "quizwell_search_lag_seconds",
            "Time since the search index last held everything, or the oldest change that it lacks",
            ["engine"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self.mirror = Gauge(
            "quizwell_search_mirror",
            "Figures of the mirror into a search server",
            ["figure"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        # Finding a child by its labels costs more than counting.
        self._child = lru_cache(maxsize=4096)(self._make_child)
        self._gathered: defaultdict[tuple[str, int], list[float]] = defaultdict(list)

    def _make_child(self, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(route, status), self._seconds.labels(route)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        gathered = self._gathered[route, status]
        gathered.append(seconds)
        if len(gathered) >= GATHERED:
            self.settle()

    def settle(self) -> None:
        """Put what was observed into the figures."""
        for (route, status), gathered in self._gathered.items():
            counter, histogram = self._child(route, status)
            counter.inc(len(gathered))
            for seconds in gathered:
                histogram.observe(seconds)
        self._gathered.clear()

    def text(self) -> bytes:
        """Return the figures of all workers of this host."""
        self.settle()
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library is untyped
        return generate_latest(registry)
