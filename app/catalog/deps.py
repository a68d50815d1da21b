"""FastAPI dependencies of routes that use the catalog."""

from typing import Annotated

from fastapi import Depends

from app.catalog.service import Catalog
from app.core.http.deps import provide

CatalogDep = Annotated[Catalog, Depends(provide(Catalog))]
