"""A running service with one of the engines, for tests that search over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.core.settings import Settings
from tests.support.meili.fake import FakeMeili
from tests.support.serving import Service, serving


@dataclass
class SearchService:
    """A running service and its search server, if it has one."""

    service: Service
    server: FakeMeili | None = None

    def search_when_indexed(self, **query: Any) -> httpx.Response:
        """Search without a key, after the index has reached everything that was written."""
        return self.search_as(self.service.anonymous, **query)

    def search_as(self, client: httpx.Client, **query: Any) -> httpx.Response:
        """Search as this client, after the index has reached everything that was written."""
        edition = client.get("/v1/facets").headers["Quizwell-Edition"]
        return client.get("/v1/search", params=query, headers={"Quizwell-Min-Edition": edition})

    def search(self, q: str, **query: Any) -> dict[str, Any]:
        """Return the body of a successful search."""
        response = self.search_when_indexed(q=q, **query)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def stems(self, q: str, **query: Any) -> list[str]:
        """Return the stems of the questions that a search finds."""
        return [item["stem"] for item in self.search(q, **query)["items"]]

    def publish(self, stem: str, **changes: Any) -> dict[str, Any]:
        """Create and publish a question."""
        return self.service.make_question(stem=stem, **changes)


@contextmanager
def serve_search(
    engine: str, make_settings: Callable[..., Settings], **more: Any
) -> Iterator[SearchService]:
    """Serve a public bank `science` with the embedded engine, or with a fake Meilisearch."""
    if engine == "embedded":
        with serving(make_settings(**more)) as service:
            service.make_bank()
            yield SearchService(service)
        return
    with FakeMeili() as server:
        settings = make_settings(meili_url=server.url, meili_key=server.key, **more)
        with serving(settings) as service:
            service.make_bank()
            yield SearchService(service, server)
