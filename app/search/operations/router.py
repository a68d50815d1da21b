"""What operators ask of search over HTTP: whether it holds what was published; its repair."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.catalog.deps import CatalogDep
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.http.deps import DatabaseDep, SettingsDep
from app.core.http.json_route import JsonRoute
from app.core.http.query_string import reject_unknown
from app.core.http.request_inputs import QueryPairs
from app.core.openapi.operation_docs import problems, scope
from app.core.settings import Settings
from app.search.meilisearch.state import States
from app.search.operations.commands import keeps_embedded
from app.search.operations.drift_check import (
    CatalogCopy,
    Copy,
    CopyError,
    EmbeddedCopy,
    MirrorCopy,
    check,
)
from app.search.operations.rebuild import reindex_embedded, repair_embedded

SCOPE = "operate"


class Difference(BaseModel):
    """Questions that differ in one way, the first hundred of them by number."""

    count: int
    numbers: list[int]


class DriftRead(BaseModel):
    """How one copy of what is public differs from the database."""

    name: str = Field(description="`catalog`, `embedded` or `meilisearch`; open enum")
    behind: bool = Field(description="whether it has not reached the newest change yet")
    compared: int = Field(description="how many questions ought to be in it")
    quarantined: int = Field(description="how many the search server does not take")
    missing: Difference
    stale: Difference
    ghost: Difference = Field(description="in the copy, though not published")
    error: str | None = Field(description="why it could not be read; the counts are void then")


class Drifts(BaseModel):
    """How every copy differs."""

    items: list[DriftRead]


_NONE = {"count": 0, "numbers": []}
EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "name": "catalog",
            "behind": False,
            "compared": 597,
            "quarantined": 0,
            "missing": _NONE,
            "stale": _NONE,
            "ghost": _NONE,
            "error": None,
        }
    ]
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": EXAMPLE}}}
}

router = APIRouter(tags=["operations"], route_class=JsonRoute)


def _copies(catalog: Catalog, database: Database, settings: Settings) -> list[Copy]:
    copies: list[Copy] = [CatalogCopy(catalog)]
    if settings.meili_url:
        copies.append(MirrorCopy(database, settings))
    if keeps_embedded(settings):
        copies.append(EmbeddedCopy(settings))
    return copies


async def _compared(
    database: Database, settings: Settings, copies: Sequence[Copy], *, repair: bool
) -> Drifts:
    items = []
    for copy in copies:
        try:
            drift = await check(database, settings, copy)
            items.append(DriftRead(**drift.values(), error=None))
            numbers = [*drift.missing, *drift.stale, *drift.ghost]
        except CopyError as error:
            items.append(_unread(copy.name, str(error)))
            numbers = None
        if repair and (numbers is None or numbers):
            await asyncio.to_thread(_mend, database, settings, copy, numbers)
    return Drifts(items=items)


def _mend(
    database: Database, settings: Settings, copy: Copy, numbers: Sequence[int] | None
) -> None:
    """Mend an index; a worker's memory is read anew only by starting the worker anew."""
    if isinstance(copy, MirrorCopy):
        # Whoever holds the lease compares again and mends what it finds.
        States(database).request(None, rebuild=False)
    elif isinstance(copy, EmbeddedCopy):
        if numbers is None:
            reindex_embedded(database, settings)
        else:
            repair_embedded(database, settings, numbers)


def _unread(name: str, error: str) -> DriftRead:
    nothing = Difference(count=0, numbers=[])
    return DriftRead(
        name=name,
        behind=True,
        compared=0,
        quarantined=0,
        missing=nothing,
        stale=nothing,
        ghost=nothing,
        error=error,
    )


@router.get(
    "/v1/editing/search/check",
    summary="Check search and catalog",
    responses=problems() | _RESPONSES,
    openapi_extra=scope(SCOPE),
)
async def check_search(
    pairs: QueryPairs, catalog: CatalogDep, database: DatabaseDep, settings: SettingsDep
) -> Drifts:
    """Compare this worker's memory and the search indexes with the database, in both directions.

    What changes meanwhile is no difference. It takes seconds where there are many questions.
    """
    reject_unknown(pairs, ())
    return await _compared(database, settings, _copies(catalog, database, settings), repair=False)


@router.post(
    "/v1/editing/search/repair",
    summary="Check and repair search",
    responses=problems(413, 415) | _RESPONSES,
    openapi_extra=scope(SCOPE),
)
async def repair_search(
    pairs: QueryPairs,
    catalog: CatalogDep,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Drifts:
    """Compare likewise, have what differs in the indexes mended, and tell what was found before."""
    reject_unknown(pairs, ())
    return await _compared(database, settings, _copies(catalog, database, settings), repair=True)
