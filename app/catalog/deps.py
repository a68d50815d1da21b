"""FastAPI dependencies of routes that use the catalog."""

from typing import Annotated

from fastapi import Depends, Request

from app.catalog.service import Catalog
from app.core.http.deps import state


def get_catalog(request: Request) -> Catalog:
    """Return the worker's catalog."""
    return state(request, Catalog, "catalog")


CatalogDep = Annotated[Catalog, Depends(get_catalog)]
