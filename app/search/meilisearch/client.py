"""The one module that speaks with a Meilisearch server, by the official client or by httpx."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import httpx
import orjson
import requests
from meilisearch import Client
from meilisearch.errors import (
    MeilisearchApiError,
    MeilisearchCommunicationError,
    MeilisearchError,
    MeilisearchTimeoutError,
)

from app.core.settings import Settings
from app.search.meilisearch.failures import Kind, ServerError, kind_of
from app.search.meilisearch.index_settings import PRIMARY_KEY

TIMEOUT = 30
PAGE = 5000
# A compressed answer goes out in segments that meet delayed acknowledgements: 46 ms instead of 3.
PLAIN = {"Accept-Encoding": "identity"}
NDJSON = "application/x-ndjson"
ENDED = frozenset({"succeeded", "failed", "canceled"})

Result = TypeVar("Result")


class Enqueued(NamedTuple):
    """A task that the server took; its time tells it from one of the same number later."""

    uid: int
    at: str


class Task(NamedTuple):
    """A task as the server tells of it; `error` is there when it failed."""

    uid: int
    at: str
    status: str
    error: dict[str, str] | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


class Server:
    """A server, asked through the official client; not to be shared between threads.

    The client keeps one dictionary of headers that each call changes, and waits for ever unless
    it is given a timeout. Every method raises ServerError when it fails. `fence` is called before
    each request, and may forbid it.
    """

    def __init__(self, settings: Settings, timeout: int = TIMEOUT) -> None:
        """Prepare a client; nothing is sent yet."""
        self.fence: Callable[[], None] = lambda: None
        self._client = Client(
            settings.meili_url.rstrip("/"),
            settings.meili_key or None,
            timeout=timeout,
            custom_headers=PLAIN,
        )

    def indexes(self, prefix: str) -> dict[str, str]:
        """Return the time at which each index of ours was made, by uid."""
        found: dict[str, str] = {}
        offset = 0
        while True:
            page = self._get(f"indexes?limit={PAGE}&offset={offset}")["results"]
            found |= {
                index["uid"]: index["createdAt"]
                for index in page
                if index["uid"].startswith(f"{prefix}__")
            }
            if len(page) < PAGE:
                return found
            offset += PAGE

    def made_at(self, uid: str) -> str | None:
        """Return the time at which an index was made, None when there is none."""
        try:
            return str(self._get(f"indexes/{uid}")["createdAt"])
        except ServerError as error:
            if error.kind is Kind.MISSING:
                return None
            raise

    def make_index(self, uid: str) -> Enqueued:
        """Ask for a new index; the task fails when there is one."""
        body = {"uid": uid, "primaryKey": PRIMARY_KEY}
        return self._enqueue(lambda: self._client.http.post("indexes", body))

    def drop_index(self, uid: str) -> Enqueued:
        """Ask for an index's deletion; the task fails when there is none."""
        return self._enqueue(lambda: self._client.http.delete(f"indexes/{uid}"))

    def swap(self, live: str, fresh: str, *, rename: bool) -> Enqueued:
        """Ask to exchange two indexes or, where there is no live one, to rename the fresh one."""
        body = [{"indexes": [fresh, live] if rename else [live, fresh], "rename": rename}]
        return self._enqueue(lambda: self._client.http.post("swap-indexes", body))

    def settings(self, uid: str) -> dict[str, Any]:
        """Return an index's settings."""
        return dict(self._get(f"indexes/{uid}/settings"))

    def change_settings(self, uid: str, changes: Mapping[str, Any]) -> Enqueued:
        """Ask for other settings; what is not named stays."""
        return self._enqueue(
            lambda: self._client.http.patch(f"indexes/{uid}/settings", dict(changes))
        )

    def put(self, uid: str, lines: bytes) -> Enqueued:
        """Send documents, one JSON object a line, each in place of what was there under its id."""
        path = f"indexes/{uid}/documents?primaryKey={PRIMARY_KEY}"
        return self._enqueue(lambda: self._client.http.post(path, lines, content_type=NDJSON))

    def delete(self, uid: str, numbers: Sequence[int]) -> Enqueued:
        """Ask for the deletion of documents, there or not."""
        path = f"indexes/{uid}/documents/delete-batch"
        return self._enqueue(lambda: self._client.http.post(path, orjson.dumps(list(numbers))))

    def tasks(self, uids: Sequence[int]) -> dict[int, Task]:
        """Return tasks by uid; what the server does not know is absent."""
        path = f"tasks?uids={','.join(map(str, uids))}&limit={len(uids)}"
        return {
            task["uid"]: Task(task["uid"], task["enqueuedAt"], task["status"], task.get("error"))
            for task in self._get(path)["results"]
        }

    def signatures(self, uid: str, above: int, upto: int | None) -> dict[int, tuple[int, str]]:
        """Return revision and signature of the documents with above < id <= upto, by id."""
        condition = f"id > {above:d}" + ("" if upto is None else f" AND id <= {upto:d}")
        found: dict[int, tuple[int, str]] = {}
        for document in self._fetched(uid, condition):
            found[document["id"]] = (document.get("revision", 0), document.get("signature", ""))
        return found

    def note(self, uid: str) -> dict[str, Any] | None:
        """Return the note that the mirror left on the server, None when there is none."""
        try:
            return dict(self._get(f"indexes/{uid}/documents/1"))
        except ServerError as error:
            if error.kind is Kind.MISSING or error.code == "document_not_found":
                return None
            raise

    def _fetched(self, uid: str, condition: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            body = {
                "filter": condition,
                "fields": ["id", "revision", "signature"],
                "limit": PAGE,
                "offset": offset,
            }
            path = f"indexes/{uid}/documents/fetch"
            page = self._called(lambda: self._client.http.post(path, body))["results"]  # noqa: B023 - called at once
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return self._called(lambda: self._client.http.get(path))

    def _called(self, send: Callable[[], Result]) -> Result:
        self.fence()
        return _called(send)

    def _enqueue(self, send: Callable[[], Any]) -> Enqueued:
        answer = self._called(send)
        try:
            return Enqueued(answer["taskUid"], answer["enqueuedAt"])
        except (KeyError, TypeError) as error:
            message = "the answer tells of no task"
            raise ServerError(Kind.DOWN, "bad_answer", message, lost=True) from error


class Searches:
    """Sends searches through one pool of connections."""

    def __init__(self, settings: Settings) -> None:
        """Prepare the pool; it connects when it is asked first."""
        headers = dict(PLAIN)
        if settings.meili_key:
            headers["Authorization"] = f"Bearer {settings.meili_key}"
        self._client = httpx.AsyncClient(
            base_url=settings.meili_url.rstrip("/"),
            headers=headers,
            timeout=httpx.Timeout(2.0, connect=0.5, pool=0.5),
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=20),
        )

    async def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a search; ServerError when there is none."""
        try:
            answer = await self._client.post(
                path, content=orjson.dumps(body), headers={"Content-Type": "application/json"}
            )
            values = orjson.loads(answer.content)
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise ServerError(Kind.DOWN, "unreachable", type(error).__name__) from error
        if answer.is_success and isinstance(values, dict):
            return values
        found = values if isinstance(values, dict) else {}
        code = found.get("code")
        raise ServerError(
            kind_of(code, answer.status_code),
            code or f"status_{answer.status_code}",
            str(found.get("message", "")),
            retry_after=_seconds(answer.headers.get("retry-after")),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _called(send: Callable[[], Result]) -> Result:
    try:
        return send()
    except MeilisearchApiError as error:
        response = getattr(error.__cause__, "response", None)
        headers = {} if response is None else response.headers
        raise ServerError(
            kind_of(error.code, error.status_code),
            error.code or f"status_{error.status_code}",
            error.message,
            retry_after=_seconds(headers.get("Retry-After")),
            lost=error.status_code >= 500,
        ) from error
    except (MeilisearchTimeoutError, MeilisearchCommunicationError) as error:
        raise ServerError(Kind.DOWN, "unreachable", _reason(error), lost=True) from error
    except (MeilisearchError, requests.RequestException, ValueError) as error:
        # An answer cut short or of another form: what was asked may have happened.
        raise ServerError(Kind.DOWN, "bad_answer", _reason(error), lost=True) from error


def _reason(error: Exception) -> str:
    return type(error.__cause__ or error).__name__


def _seconds(header: str | None) -> float:
    return float(header) if header is not None and header.isdecimal() else 0.0
