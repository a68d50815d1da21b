"""create_app(): the only place that wires HTTP."""

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
from app.access.access_snapshot import Directory
from app.access.admission import Admission
from app.access.rate_limits import Limiter
from app.catalog.http.endpoint import make_kept
from app.catalog.http.fast_routes import Door
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.http.edge import Edge
from app.core.http.exception_handlers import install_handlers
from app.core.http.response_headers import COMPRESS_FROM
from app.core.http.route_requirements import Requirements
from app.core.metrics import Metrics
from app.core.secrets import load_secrets
from app.core.settings import Settings, load_settings
from app.documentation import describe
from app.published.editions import Editions
from app.published.follower import Follower
from app.quizzes.reader import QuizReader
from app.search.endpoint import SearchQuestions
from app.search.engines import Engines
from app.search.service import Searcher
from app.search.synonyms.snapshot import Thesaurus
from app.taxonomy.vocabulary_snapshot import Glossary
from app.transfer.jobs.runner import ImportRunner

MEASURE_SECONDS = 1.0

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


class Health:
    """What a worker tells of itself."""

    def __init__(self, follower: Follower, catalog: Catalog, engines: Engines) -> None:
        """Look at the worker's follower, catalog and search engines."""
        self._follower = follower
        self._catalog = catalog
        self._engines = engines

    def ready(self) -> bool:
        """Return whether the worker can serve."""
        return self._follower.ready and self._engines.ready(self._follower.mark)

    def measure(self, metrics: Metrics) -> None:
        """Put the figures of now into the metrics."""
        metrics.questions.set(self._catalog.size)
        metrics.lag.set(self._follower.lag)
        self._engines.measure(metrics)

    def details(self) -> dict[str, object]:
        """Return what the follower and the engines have reached and how much is in memory."""
        return {
            "loaded": self._follower.loaded,
            "lag_seconds": round(self._follower.lag, 3) if self._follower.loaded else None,
            "seq": self._follower.mark.seq,
            "terms": self._follower.mark.terms,
            "questions": self._catalog.size,
            "search": self._engines.details(),
        }


def create_framework() -> FastAPI:
    """Return the framework's part of the application, with every documented route."""
    framework = FastAPI(
        title="Quizwell",
        version="1",
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
    settings = settings or load_settings()
    framework = create_framework()
    database = Database(settings)
    secrets = load_secrets(settings)
    directory = Directory(settings)
    glossary = Glossary()
    catalog = Catalog(database, settings, secrets, directory, glossary)
    thesaurus = Thesaurus()
    follower = Follower(database, catalog, [directory, glossary, thesaurus])
    database.listen(follower.nudge)
    metrics = Metrics()
    framework.state.settings = settings
    framework.state.database = database
    framework.state.secrets = secrets
    framework.state.directory = directory
    framework.state.glossary = glossary
    framework.state.catalog = catalog
    framework.state.quizzes = quizzes = QuizReader(catalog, database)
    framework.state.metrics = metrics
    engines = Engines(database, settings, glossary)
    framework.state.health = health = Health(follower, catalog, engines)
    editions = Editions(secrets, follower, database)
    searcher = Searcher(catalog, thesaurus, engines.all)
    framework.state.search = search = SearchQuestions(searcher, catalog, editions)
    runner = ImportRunner(database, settings, secrets)
    framework.state.runner = runner
    door = Door()
    kept = make_kept()
    app.catalog.router.register(door, catalog, kept)
    app.draws.router.register(door, catalog, secrets, kept)
    app.quizzes.router.register(door, quizzes, catalog, database, secrets)
    app.search.router.register(door, search)
    framework.router.lifespan_context = _Lifespan(
        [
            follower.run,
            partial(directory.usage.run, database),
            partial(_measure, health, metrics),
        ],
        engines,
        runner,
        database,
    )
    routes = [context.original_route for context in iter_route_contexts(framework.routes)]
    return Edge(
        GZipMiddleware(framework, minimum_size=COMPRESS_FROM, compresslevel=1),
        admission=Admission(directory, Limiter(settings), settings),
        door=door,
        editions=editions,
        requirements=Requirements(routes),
        metrics=metrics,
    )


async def _measure(health: Health, metrics: Metrics) -> None:
    while True:
        metrics.settle()
        health.measure(metrics)
        await asyncio.sleep(MEASURE_SECONDS)


class _Lifespan:
    """Follows the clock, keeps search up and runs import jobs for as long as the worker serves."""

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
        # A poll that was under way in a thread gives its connection back first.
        await asyncio.get_running_loop().shutdown_default_executor()
        self._database.close()
