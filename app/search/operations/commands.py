"""What `quizwell reindex` and `quizwell check` do, and what they say meanwhile."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.access.access_snapshot import AccessSnapshot
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.published.follower import Follower
from app.search.operations.drift_check import (
    CatalogCopy,
    Copy,
    CopyError,
    Drift,
    EmbeddedCopy,
    MirrorCopy,
    check,
)
from app.search.operations.rebuild import (
    Tell,
    Work,
    reindex_embedded,
    reindex_server,
    repair_embedded,
    repair_server,
)
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

LINE_SECONDS = 5.0
NAMED = 10

Say = Callable[[str], None]


def reindex(database: Database, settings: Settings, banks: Sequence[str] | None, say: Say) -> None:
    """Build every index that the settings ask for anew, beside the live one."""
    if settings.meili_url:
        with shown_work("meilisearch", say) as tell:
            reindex_server(database, settings, banks, tell)
        say("meilisearch: the new indexes are live.")
    if keeps_embedded(settings):
        seq = reindex_embedded(database, settings)
        say(f"embedded: the new index is live (place {seq} of the feed).")


def check_all(database: Database, settings: Settings, say: Say, *, repair: bool) -> bool:
    """Compare every copy with what was published; return whether all are equal in the end."""
    copies: list[Copy] = []
    if settings.meili_url:
        copies.append(MirrorCopy(database, settings))
    if keeps_embedded(settings):
        copies.append(EmbeddedCopy(settings))
    equal = True
    for copy in copies:
        drift = _checked(database, settings, copy, say)
        if repair and (drift is None or drift.total):
            _repair(database, settings, copy, drift, say)
            drift = _checked(database, settings, copy, say)
        equal &= drift is not None and not drift.total
    return _catalog_is_equal(database, settings, say) and equal


def keeps_embedded(settings: Settings) -> bool:
    """Return whether the settings ask for the embedded index."""
    return not settings.meili_url or settings.search_standby


@contextmanager
def shown_work(name: str, say: Say) -> Iterator[Tell]:
    """Give what a rebuild tells its progress to: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _lines(name, say)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def tell(work: Work) -> None:
            shown = name if work.trouble is None else f"{name}: {work.trouble}"
            bar.update(task, description=shown, completed=work.done, total=work.total)

        yield tell


def _lines(name: str, say: Say) -> Tell:
    told_at = time.monotonic()

    def tell(work: Work) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= LINE_SECONDS:
            told_at = time.monotonic()
            trouble = "" if work.trouble is None else f" ({work.trouble})"
            say(f"{name}: {work.done} of {work.total} questions{trouble}")

    return tell


def _checked(database: Database, settings: Settings, copy: Copy, say: Say) -> Drift | None:
    try:
        drift = asyncio.run(check(database, settings, copy))
    except CopyError as error:
        say(f"{copy.name}: {error}.")
        return None
    say(_told(drift))
    return drift


def _repair(
    database: Database, settings: Settings, copy: Copy, drift: Drift | None, say: Say
) -> None:
    if isinstance(copy, MirrorCopy):
        with shown_work(f"{copy.name}: repairing", say) as tell:
            repair_server(database, settings, tell)
    elif drift is None:
        reindex_embedded(database, settings)
    else:
        repair_embedded(database, settings, [*drift.missing, *drift.stale, *drift.ghost])
    say(f"{copy.name}: repaired.")


def _catalog_is_equal(database: Database, settings: Settings, say: Say) -> bool:
    """Load what a worker would serve, and compare that."""

    async def compare() -> Drift:
        access, glossary = AccessSnapshot(settings), VocabularySnapshot()
        catalog = Catalog(database, settings, load_secrets(settings), access, glossary)
        await Follower(database, catalog, [access, glossary]).catch_up()
        return await check(database, settings, CatalogCopy(catalog))

    drift = asyncio.run(compare())
    say(_told(drift))
    return not drift.total


def _told(drift: Drift) -> str:
    parts = [
        f"{len(numbers)} {kind} ({_named(numbers)})"
        for kind, numbers in (
            ("missing", drift.missing),
            ("stale", drift.stale),
            ("left over", drift.ghost),
        )
        if numbers
    ]
    found = "; by number: " + ", ".join(parts) if parts else "; both sides are equal"
    behind = "; it is behind, so the newest changes were left out" if drift.behind else ""
    excused = f"; {drift.excused} in quarantine" if drift.excused else ""
    return f"{drift.name}: {drift.compared} questions compared{found}{excused}{behind}."


def _named(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:NAMED]))
    return f"{shown}, …" if len(numbers) > NAMED else shown
