"""The operator routes that check and repair the search indexes."""

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
from app.search.meilisearch.state import MirrorStateStore
from app.search.operations.commands import uses_embedded_index
from app.search.operations.drift_check import check_replica
from app.search.operations.rebuild import reindex_embedded, repair_embedded
from app.search.operations.replicas import (
    CatalogReplica,
    EmbeddedReplica,
    MeilisearchReplica,
    Replica,
    ReplicaError,
)

SCOPE = "operate"


class Difference(BaseModel):
    """The questions that differ in one way: their count and the first 100 numbers."""

    count: int
    numbers: list[int]


class DriftRead(BaseModel):
    """How one replica of the published questions differs from the database."""

    name: str = Field(description="`catalog`, `embedded` or `meilisearch`; open enum")
    behind: bool = Field(description="whether it has not reached the newest change")
    compared: int = Field(description="how many questions it should contain")
    quarantined: int = Field(description="how many the search server rejects")
    missing: Difference
    stale: Difference
    ghost: Difference = Field(description="in the replica, though not published")
    error: str | None = Field(
        description="why it could not be read; the counts are then meaningless"
    )


class Drifts(BaseModel):
    """How every replica differs."""

    items: list[DriftRead]


_NO_QUESTIONS = {"count": 0, "numbers": []}
EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "name": "catalog",
            "behind": False,
            "compared": 597,
            "quarantined": 0,
            "missing": _NO_QUESTIONS,
            "stale": _NO_QUESTIONS,
            "ghost": _NO_QUESTIONS,
            "error": None,
        }
    ]
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": EXAMPLE}}}
}

router = APIRouter(tags=["operations"], route_class=JsonRoute)


def _replicas(catalog: Catalog, database: Database, settings: Settings) -> list[Replica]:
    replicas: list[Replica] = [CatalogReplica(catalog)]
    if settings.meili_url:
        replicas.append(MeilisearchReplica(database, settings))
    if uses_embedded_index(settings):
        replicas.append(EmbeddedReplica(settings))
    return replicas


async def _check_all(
    database: Database, settings: Settings, replicas: Sequence[Replica], *, repair: bool
) -> Drifts:
    items = []
    for replica in replicas:
        try:
            report = await check_replica(database, settings, replica)
            items.append(DriftRead(**report.as_json(), error=None))
            numbers = [*report.missing, *report.stale, *report.ghost]
        except ReplicaError as error:
            items.append(_unreadable(replica.name, str(error)))
            numbers = None
        if repair and (numbers is None or numbers):
            await asyncio.to_thread(_repair, database, settings, replica, numbers)
    return Drifts(items=items)


def _repair(
    database: Database, settings: Settings, replica: Replica, numbers: Sequence[int] | None
) -> None:
    """Repair an index, wholly if `numbers` is None.

    A catalog is not repaired: only a new start of its worker loads it again.
    """
    if isinstance(replica, MeilisearchReplica):
        # The lease holder compares again and repairs what it finds.
        MirrorStateStore(database).request_comparison()
    elif isinstance(replica, EmbeddedReplica):
        if numbers is None:
            reindex_embedded(database, settings)
        else:
            repair_embedded(database, settings, numbers)


def _unreadable(name: str, error: str) -> DriftRead:
    no_questions = Difference(count=0, numbers=[])
    return DriftRead(
        name=name,
        behind=True,
        compared=0,
        quarantined=0,
        missing=no_questions,
        stale=no_questions,
        ghost=no_questions,
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
    """Compare this worker's catalog and the search indexes with the database, in both directions.

    Changes during the check are not counted. With many questions the check takes seconds.
    """
    reject_unknown(pairs, ())
    return await _check_all(
        database, settings, _replicas(catalog, database, settings), repair=False
    )


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
    """Check, repair the differences in the indexes, and return what the check found before."""
    reject_unknown(pairs, ())
    return await _check_all(database, settings, _replicas(catalog, database, settings), repair=True)
