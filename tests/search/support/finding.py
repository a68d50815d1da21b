"""A service whose search is asked over HTTP, on either engine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.core.settings import Settings
from tests.support.meili.fake import FakeMeili
from tests.support.serving import Service, serving


@dataclass
class Finding:
    """A running service with its search server, where it has one."""

    service: Service
    server: FakeMeili | None = None

    def caught_up(self, **query: Any) -> httpx.Response:
        """Search as anybody, after the index holds all that was written."""
        return self.ask(self.service.anonymous, **query)

    def ask(self, client: httpx.Client, **query: Any) -> httpx.Response:
        edition = client.get("/v1/facets").headers["Quizwell-Edition"]
        return client.get("/v1/search", params=query, headers={"Quizwell-Min-Edition": edition})

    def find(self, q: str, **query: Any) -> dict[str, Any]:
        answer = self.caught_up(q=q, **query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def stems(self, q: str, **query: Any) -> list[str]:
        return [item["stem"] for item in self.find(q, **query)["items"]]

    def publish(self, stem: str, **changes: Any) -> dict[str, Any]:
        return self.service.make_question(stem=stem, **changes)


@contextmanager
def finding(kind: str, make_settings: Callable[..., Settings], **more: Any) -> Iterator[Finding]:
    """Serve a public bank `science` with the embedded engine, or with a fake server."""
    if kind == "embedded":
        with serving(make_settings(**more)) as service:
            service.make_bank()
            yield Finding(service)
        return
    with FakeMeili() as server:
        chosen = make_settings(meili_url=server.url, meili_key=server.key, **more)
        with serving(chosen) as service:
            service.make_bank()
            yield Finding(service, server)
