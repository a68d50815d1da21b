"""Builds the ASGI application of one worker: `create_app` creates and connects its parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.middleware.gzip import GZipMiddleware

import app.access.router
import app.catalog.router
import app.core.http.health
import app.core.openapi.docs_page
import app.draws.router
import app.questions.router
import app.quizzes.router
import app.search.operations.router
import app.search.router
import app.search.synonyms.router
import app.taxonomy.router
import app.transfer.router
from app import __version__
from app.access.access_snapshot import AccessSnapshot
from app.access.admission import Admission
from app.access.rate_limits import RateLimiter
from app.catalog.http.endpoint import ResponseCache
from app.catalog.http.fast_routes import FastRoutes
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.http.edge import Edge
from app.core.http.exception_handlers import install_handlers
from app.core.http.health import HealthChecks
from app.core.http.response_headers import COMPRESS_FROM_BYTES
from app.core.http.route_requirements import Requirements
from app.core.metrics import Metrics
from app.core.secrets import load_secrets
from app.core.services import Services
from app.core.settings import Settings, load_settings
from app.documentation import describe
from app.published.editions import Editions
from app.published.follower import Follower
from app.quizzes.get_quiz import GetQuiz
from app.search.endpoint import SearchQuestions
from app.search.engines import Engines
from app.search.service import Searcher
from app.search.synonyms.snapshot import SynonymSnapshot
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from app.transfer.jobs.runner import ImportRunner

MEASURE_INTERVAL_SECONDS = 1.0

ROUTERS = (
    app.catalog.router.router,
    app.catalog.router.terms,
    app.draws.router.router,
    app.search.router.router,
    app.search.synonyms.router.router,
    app.search.operations.router.router,
    app.quizzes.router.router,
    app.questions.router.router,
    app.taxonomy.router.router,
    app.access.router.router,
    app.transfer.router.router,
    app.core.http.health.router,
    app.core.openapi.docs_page.router,
)


class WorkerHealth:
    """What is known of a worker's state, for operators and metrics."""

    def __init__(self, follower: Follower, catalog: Catalog, engines: Engines) -> None:
        """Observe the worker's follower, catalog and search engines."""
        self._follower = follower
        self._catalog = catalog
        self._engines = engines

    def is_ready(self) -> bool:
        """Return whether the worker can serve."""
        return self._follower.ready and self._engines.ready(self._follower.mark)

    def measure(self, metrics: Metrics) -> None:
        """Update the metrics."""
        metrics.questions.set(self._catalog.size)
        metrics.lag.set(self._follower.lag)
        self._engines.update_metrics(metrics)

    def details(self) -> dict[str, object]:
        """Return the follower's and the engines' progress, and how many questions are in memory."""
        return {
            "loaded": self._follower.loaded,
            "lag_seconds": round(self._follower.lag, 3) if self._follower.loaded else None,
            "seq": self._follower.mark.seq,
            "config_version": self._follower.mark.config_version,
            "questions": self._catalog.size,
            "search": self._engines.details(),
        }


def create_framework() -> FastAPI:
    """Return the FastAPI application with every documented route."""
    framework = FastAPI(
        title="Quizwell",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        framework.include_router(router)
    framework.mount("/docs/assets", app.core.openapi.docs_page.ASSETS)
    install_handlers(framework)
    describe(framework)
    return framework


def create_app(settings: Settings | None = None) -> Edge:
    """Return the whole application for one worker."""
    framework = create_framework()
    services = framework.state.services = Services()
    settings = services.add(settings or load_settings())
    database = services.add(Database(settings))
    secrets = services.add(load_secrets(settings))
    metrics = services.add(Metrics())
    access = services.add(AccessSnapshot(settings))
    vocabularies = services.add(VocabularySnapshot())
    catalog = services.add(Catalog(database, settings, secrets, access, vocabularies))
    synonym_snapshot = SynonymSnapshot()
    follower = Follower(database, catalog, [access, vocabularies, synonym_snapshot])
    database.on_commit(follower.nudge)
    editions = Editions(secrets, follower, database)
    engines = Engines(database, settings, vocabularies)
    quizzes = services.add(GetQuiz(catalog, database))
    searcher = Searcher(catalog, synonym_snapshot, engines.in_order)
    search = services.add(SearchQuestions(searcher, catalog, editions))
    runner = services.add(ImportRunner(database, settings, secrets))
    health = WorkerHealth(follower, catalog, engines)
    services.add(HealthChecks(health.is_ready, health.details))
    fast_routes = FastRoutes()
    response_cache = ResponseCache()
    app.catalog.router.register(fast_routes, catalog, response_cache)
    app.draws.router.register(fast_routes, catalog, secrets, response_cache)
    app.quizzes.router.register(fast_routes, quizzes, catalog, database, secrets)
    app.search.router.register(fast_routes, search)
    framework.router.lifespan_context = _Lifespan(
        [
            follower.run,
            partial(access.usage.run, database),
            partial(_measure, health, metrics),
        ],
        engines,
        runner,
        database,
    )
    routes = [context.original_route for context in iter_route_contexts(framework.routes)]
    return Edge(
        GZipMiddleware(framework, minimum_size=COMPRESS_FROM_BYTES, compresslevel=1),
        admission=Admission(access, RateLimiter(settings), settings),
        fast_routes=fast_routes,
        editions=editions,
        requirements=Requirements(routes),
        metrics=metrics,
        logs_responses=settings.access_log,
    )


async def _measure(health: WorkerHealth, metrics: Metrics) -> None:
    while True:
        metrics.flush()
        health.measure(metrics)
        await asyncio.sleep(MEASURE_INTERVAL_SECONDS)


class _Lifespan:
    """Runs the background loops, the search engines and import jobs while the worker serves."""

    def __init__(
        self,
        loops: Sequence[Callable[[], Coroutine[None, None, None]]],
        engines: Engines,
        runner: ImportRunner,
        database: Database,
    ) -> None:
        self._loops = loops
        self._engines = engines
        self._runner = runner
        self._database = database

    @asynccontextmanager
    async def __call__(self, _: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(loop()) for loop in self._loops]
        self._engines.start()
        self._runner.start()
        yield
        await asyncio.to_thread(self._runner.stop)
        await self._engines.stop()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        # A poll that still runs in a thread returns its connection first.
        await asyncio.get_running_loop().shutdown_default_executor()
        self._database.close()
