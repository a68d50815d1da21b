"""A worker's engines: which there are, when they are ready, what operators hear of them."""

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
from app.search.synonyms.snapshot import Thesaurus
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

# A search that cannot be made ready holds up nothing else for longer.
PATIENCE_SECONDS = 30.0

log = logging.getLogger(__name__)


class Engines:
    """The engine that searches and, where it is kept, the one for when that fails."""

    def __init__(
        self, database: Database, settings: Settings, glossary: VocabularySnapshot
    ) -> None:
        """Prepare the engines that the settings ask for."""
        self.server: MeilisearchEngine | None = None
        self.embedded: EmbeddedEngine | None = None
        if settings.meili_url:
            # The mirror reads synonyms in a thread of its own, so it has its own of them.
            self.server = MeilisearchEngine(database, settings, glossary, Thesaurus())
        if not settings.meili_url or settings.search_standby:
            self.embedded = EmbeddedEngine(database, settings)
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False
        self._since = 0.0

    @property
    def all(self) -> Sequence[MeilisearchEngine | EmbeddedEngine]:
        """The engines, the one to ask first before the other."""
        return [engine for engine in (self.server, self.embedded) if engine is not None]

    def start(self) -> None:
        """Begin to keep every index up."""
        self._since = time.monotonic()
        self._tasks = [asyncio.create_task(engine.run()) for engine in self.all]

    async def stop(self) -> None:
        """End, and close what is open."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        if self.embedded is not None:
            await asyncio.to_thread(self.embedded.close)

    def ready(self, mark: Mark) -> bool:
        """Return whether one engine has once held what was public, or was waited for in vain."""
        if not self._ready:
            reached = any(engine.mark.covers(mark) for engine in self.all)
            patient = time.monotonic() - self._since < PATIENCE_SECONDS
            if not reached and not patient:
                log.error("the search index is not there yet: everything else is served")
            self._ready = reached or not patient
        return self._ready

    def details(self) -> dict[str, Any]:
        """Return what each engine tells of itself."""
        found: dict[str, Any] = {"engine": self.all[0].name}
        if self.server is not None:
            found[self.server.name] = self.server.status.details()
        if self.embedded is not None:
            lag = self.embedded.lag
            mark = self.embedded.mark
            found[self.embedded.name] = {
                "lag_seconds": None if lag == float("inf") else round(lag, 3),
                "epoch": mark.epoch,
                "seq": mark.seq,
                "config_version": mark.config_version,
            }
        return found

    def measure(self, metrics: Metrics) -> None:
        """Put the figures of now into the metrics."""
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
