"""The commands `quizwell reindex` and `quizwell check`, and what they print."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from app.access.access_snapshot import AccessSnapshot
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.progress import ProgressUpdate, progress_display
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.published.follower import Follower
from app.search.operations.drift_check import DriftReport, check_replica
from app.search.operations.rebuild import (
    OnProgress,
    RebuildProgress,
    reindex_embedded,
    reindex_server,
    repair_embedded,
    repair_server,
)
from app.search.operations.replicas import (
    CatalogReplica,
    EmbeddedReplica,
    MeilisearchReplica,
    Replica,
    ReplicaError,
)
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

MAX_PRINTED_NUMBERS = 10

Say = Callable[[str], None]


def reindex(database: Database, settings: Settings, banks: Sequence[str] | None, say: Say) -> None:
    """Rebuild every index that the settings ask for beside the live one."""
    if settings.meili_url:
        with _shown_progress("meilisearch", say) as on_progress:
            reindex_server(database, settings, banks, on_progress)
        say("meilisearch: the new indexes are live.")
    if uses_embedded_index(settings):
        seq = reindex_embedded(database, settings)
        say(f"embedded: the new index is live (feed up to {seq}).")


def check_all(database: Database, settings: Settings, say: Say, *, repair: bool) -> bool:
    """Compare every replica with the database; return whether all are equal in the end."""
    replicas: list[Replica] = []
    if settings.meili_url:
        replicas.append(MeilisearchReplica(database, settings))
    if uses_embedded_index(settings):
        replicas.append(EmbeddedReplica(settings))
    equal = True
    for replica in replicas:
        report = _check(database, settings, replica, say)
        if repair and (report is None or report.total):
            _repair(database, settings, replica, report, say)
            report = _check(database, settings, replica, say)
        equal &= report is not None and not report.total
    return _catalog_is_equal(database, settings, say) and equal


def uses_embedded_index(settings: Settings) -> bool:
    """Return whether the settings ask for the embedded index."""
    return not settings.meili_url or settings.search_standby


@contextmanager
def _shown_progress(name: str, say: Say) -> Iterator[OnProgress]:
    """Yield a function that shows the progress of a rebuild or repair."""
    with progress_display(name, say) as show:
        yield lambda progress: show(_progress_update(name, progress))


def _progress_update(name: str, progress: RebuildProgress) -> ProgressUpdate:
    failure = "" if progress.failure is None else f" ({progress.failure})"
    return ProgressUpdate(
        done=progress.done,
        total=progress.total,
        label=name if progress.failure is None else f"{name}: {progress.failure}",
        line=f"{name}: {progress.done} of {progress.total} questions{failure}",
    )


def _check(
    database: Database, settings: Settings, replica: Replica, say: Say
) -> DriftReport | None:
    """Check a replica and print the result; None if it cannot be read."""
    try:
        report = asyncio.run(check_replica(database, settings, replica))
    except ReplicaError as error:
        say(f"{replica.name}: {error}.")
        return None
    say(_report_line(report))
    return report


def _repair(
    database: Database,
    settings: Settings,
    replica: Replica,
    report: DriftReport | None,
    say: Say,
) -> None:
    if isinstance(replica, MeilisearchReplica):
        with _shown_progress(f"{replica.name}: repairing", say) as on_progress:
            repair_server(database, settings, on_progress)
    elif report is None:
        reindex_embedded(database, settings)
    else:
        repair_embedded(database, settings, [*report.missing, *report.stale, *report.ghost])
    say(f"{replica.name}: repaired.")


def _catalog_is_equal(database: Database, settings: Settings, say: Say) -> bool:
    """Load a catalog as a worker does, check it and print the result."""

    async def check_loaded_catalog() -> DriftReport:
        access, vocabularies = AccessSnapshot(settings), VocabularySnapshot()
        catalog = Catalog(database, settings, load_secrets(settings), access, vocabularies)
        await Follower(database, catalog, [access, vocabularies]).catch_up()
        return await check_replica(database, settings, CatalogReplica(catalog))

    report = asyncio.run(check_loaded_catalog())
    say(_report_line(report))
    return not report.total


def _report_line(report: DriftReport) -> str:
    differences = [
        f"{len(numbers)} {kind} ({_list_numbers(numbers)})"
        for kind, numbers in (
            ("missing", report.missing),
            ("stale", report.stale),
            ("left over", report.ghost),
        )
        if numbers
    ]
    result = "both sides are equal"
    if differences:
        result = "by number: " + ", ".join(differences)
    quarantined = f"; {report.quarantined} in quarantine" if report.quarantined else ""
    behind = "; it is behind, so the newest changes were left out" if report.behind else ""
    return f"{report.name}: {report.compared} questions compared; {result}{quarantined}{behind}."


def _list_numbers(numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers[:MAX_PRINTED_NUMBERS]))
    return f"{listed}, …" if len(numbers) > MAX_PRINTED_NUMBERS else listed
