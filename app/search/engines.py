"""The search engines of one worker process: creates, starts and stops them, reports their state."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.metrics import Metrics
from app.core.settings import Settings
from app.search.embedded.engine import EmbeddedEngine
from app.search.meilisearch.engine import MeilisearchEngine
from app.search.synonyms.snapshot import SynonymSnapshot
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

# The worker becomes ready after this time even without a search index.
STARTUP_WAIT_SECONDS = 30.0

log = logging.getLogger(__name__)


class Engines:
    """The engine that the settings choose and, if they ask for it, an embedded standby."""

    def __init__(
        self, database: Database, settings: Settings, vocabularies: VocabularySnapshot
    ) -> None:
        """Create the engines that the settings ask for; `start` runs them."""
        self.server: MeilisearchEngine | None = None
        self.embedded: EmbeddedEngine | None = None
        if settings.meili_url:
            # The mirror reads synonyms in a thread of its own, so it needs its own snapshot.
            self.server = MeilisearchEngine(database, settings, vocabularies, SynonymSnapshot())
        if not settings.meili_url or settings.search_standby:
            self.embedded = EmbeddedEngine(database, settings)
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False
        self._started_at = 0.0

    @property
    def in_order(self) -> Sequence[MeilisearchEngine | EmbeddedEngine]:
        """The engines in the order in which a search tries them."""
        return [engine for engine in (self.server, self.embedded) if engine is not None]

    def start(self) -> None:
        """Start to keep every index up to date."""
        self._started_at = time.monotonic()
        self._tasks = [asyncio.create_task(engine.run()) for engine in self.in_order]

    async def stop(self) -> None:
        """Stop the engines and close their files."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        if self.embedded is not None:
            await asyncio.to_thread(self.embedded.close)

    def ready(self, mark: Mark) -> bool:
        """Return whether an engine has once reached `mark`, or the startup wait is over."""
        if not self._ready:
            reached = any(engine.mark.covers(mark) for engine in self.in_order)
            waiting = time.monotonic() - self._started_at < STARTUP_WAIT_SECONDS
            if not reached and not waiting:
                log.error("the search index is not ready yet: everything else is served")
            self._ready = reached or not waiting
        return self._ready

    def details(self) -> dict[str, Any]:
        """Return the state of each engine for the readiness report, as JSON values."""
        details: dict[str, Any] = {"engine": self.in_order[0].name}
        if self.server is not None:
            details[self.server.name] = self.server.status.details()
        if self.embedded is not None:
            lag = self.embedded.lag
            mark = self.embedded.mark
            details[self.embedded.name] = {
                "lag_seconds": None if lag == float("inf") else round(lag, 3),
                "epoch": mark.epoch,
                "seq": mark.seq,
                "config_version": mark.config_version,
            }
        return details

    def update_metrics(self, metrics: Metrics) -> None:
        """Write the current state of each engine into the metrics."""
        if self.embedded is not None:
            metrics.search_lag.labels(self.embedded.name).set(self.embedded.lag)
        if self.server is None:
            return
        status = self.server.status
        metrics.search_lag.labels(self.server.name).set(status.lag)
        for name in ("pending", "in_flight", "quarantined", "epochs"):
            metrics.mirror.labels(name).set(status.report.get(name) or 0)
        for name, count in (status.report.get("drift") or {}).items():
            metrics.mirror.labels(f"drift_{name}").set(count)
