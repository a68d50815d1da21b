"""The only module that sends requests to a Meilisearch server.

`AdminClient` uses the official client: indexes, settings, documents and tasks, for the mirror's
thread. `SearchClient` uses httpx: searches, for the event loop. Both raise ServerError.
"""

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
from app.search.meilisearch.failures import FailureKind, ServerError, classify_failure
from app.search.meilisearch.indexes.index_settings import PRIMARY_KEY

REQUEST_TIMEOUT_SECONDS = 30
PAGE_ROWS = 5000
# The server sends compressed responses in segments that wait for delayed TCP acknowledgements.
UNCOMPRESSED = {"Accept-Encoding": "identity"}
NDJSON = "application/x-ndjson"
MARKER_ID = 1
FINISHED_STATUSES = frozenset({"succeeded", "failed", "canceled"})

Result = TypeVar("Result")


class EnqueuedTask(NamedTuple):
    """An accepted task; its time distinguishes it from a later task with the same uid."""

    uid: int
    enqueued_at: str


class Task(NamedTuple):
    """The state of a task; a failed one has an `error`."""

    uid: int
    enqueued_at: str
    status: str
    error: dict[str, str] | None

    @property
    def is_finished(self) -> bool:
        """Whether the task has succeeded, failed or been canceled."""
        return self.status in FINISHED_STATUSES


class AdminClient:
    """Manages indexes, settings, documents and tasks; not thread-safe.

    The official client changes one shared dictionary of headers in each call, and waits for ever
    unless it has a timeout. `before_request` is called before each request and may raise to
    prevent it. Every method raises ServerError when it fails.
    """

    def __init__(self, settings: Settings, timeout: int = REQUEST_TIMEOUT_SECONDS) -> None:
        """Prepare the client; nothing is sent yet."""
        self.before_request: Callable[[], None] = lambda: None
        self._client = Client(
            settings.meili_url.rstrip("/"),
            settings.meili_key or None,
            timeout=timeout,
            custom_headers=UNCOMPRESSED,
        )

    def index_creation_times(self, prefix: str) -> dict[str, str]:
        """Return the creation time of each index whose name starts with our prefix, by name."""
        found: dict[str, str] = {}
        offset = 0
        while True:
            page = self._get(f"indexes?limit={PAGE_ROWS}&offset={offset}")["results"]
            found |= {
                index["uid"]: index["createdAt"]
                for index in page
                if index["uid"].startswith(f"{prefix}__")
            }
            if len(page) < PAGE_ROWS:
                return found
            offset += PAGE_ROWS

    def index_created_at(self, index: str) -> str | None:
        """Return the creation time of an index, None if it does not exist."""
        try:
            return str(self._get(f"indexes/{index}")["createdAt"])
        except ServerError as error:
            if error.kind is FailureKind.INDEX_MISSING:
                return None
            raise

    def create_index(self, index: str) -> EnqueuedTask:
        """Enqueue the creation of an index; the task fails if it exists."""
        body = {"uid": index, "primaryKey": PRIMARY_KEY}
        return self._enqueue(lambda: self._client.http.post("indexes", body))

    def delete_index(self, index: str) -> EnqueuedTask:
        """Enqueue the deletion of an index; the task fails if it does not exist."""
        return self._enqueue(lambda: self._client.http.delete(f"indexes/{index}"))

    def swap_indexes(self, live: str, staging: str, *, rename: bool) -> EnqueuedTask:
        """Enqueue the swap of two indexes, or with `rename` the renaming of `staging` to `live`."""
        body = [{"indexes": [staging, live] if rename else [live, staging], "rename": rename}]
        return self._enqueue(lambda: self._client.http.post("swap-indexes", body))

    def get_settings(self, index: str) -> dict[str, Any]:
        """Return an index's settings."""
        return dict(self._get(f"indexes/{index}/settings"))

    def update_settings(self, index: str, changes: Mapping[str, Any]) -> EnqueuedTask:
        """Enqueue a change of settings; settings that are not named keep their values."""
        return self._enqueue(
            lambda: self._client.http.patch(f"indexes/{index}/settings", dict(changes))
        )

    def put_documents(self, index: str, ndjson: bytes) -> EnqueuedTask:
        """Enqueue documents, one JSON object a line; each replaces the document with its id."""
        path = f"indexes/{index}/documents?primaryKey={PRIMARY_KEY}"
        return self._enqueue(lambda: self._client.http.post(path, ndjson, content_type=NDJSON))

    def delete_documents(self, index: str, ids: Sequence[int]) -> EnqueuedTask:
        """Enqueue the deletion of documents by id; unknown ids are ignored."""
        path = f"indexes/{index}/documents/delete-batch"
        return self._enqueue(lambda: self._client.http.post(path, orjson.dumps(list(ids))))

    def get_tasks(self, uids: Sequence[int]) -> dict[int, Task]:
        """Return tasks by uid; uids that the server does not know are absent."""
        path = f"tasks?uids={','.join(map(str, uids))}&limit={len(uids)}"
        return {
            task["uid"]: Task(task["uid"], task["enqueuedAt"], task["status"], task.get("error"))
            for task in self._get(path)["results"]
        }

    def get_signatures(
        self, index: str, after: int, up_to: int | None
    ) -> dict[int, tuple[int, str]]:
        """Return (revision, signature) of the documents with after < id <= up_to, by id."""
        condition = f"id > {after:d}" + ("" if up_to is None else f" AND id <= {up_to:d}")
        return {
            document["id"]: (document.get("revision", 0), document.get("signature", ""))
            for document in self._fetch_documents(index, condition)
        }

    def get_marker(self, index: str) -> dict[str, Any] | None:
        """Return the mirror's marker document, None if it does not exist."""
        try:
            return dict(self._get(f"indexes/{index}/documents/{MARKER_ID}"))
        except ServerError as error:
            if error.kind is FailureKind.INDEX_MISSING or error.code == "document_not_found":
                return None
            raise

    def _fetch_documents(self, index: str, condition: str) -> Iterator[dict[str, Any]]:
        path = f"indexes/{index}/documents/fetch"
        offset = 0
        while True:
            body = {
                "filter": condition,
                "fields": ["id", "revision", "signature"],
                "limit": PAGE_ROWS,
                "offset": offset,
            }
            page = self._send(lambda: self._client.http.post(path, body))["results"]  # noqa: B023 - called before the next round
            yield from page
            if len(page) < PAGE_ROWS:
                return
            offset += PAGE_ROWS

    def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return self._send(lambda: self._client.http.get(path))

    def _send(self, request: Callable[[], Result]) -> Result:
        self.before_request()
        return _translate_errors(request)

    def _enqueue(self, request: Callable[[], Any]) -> EnqueuedTask:
        response = self._send(request)
        try:
            return EnqueuedTask(response["taskUid"], response["enqueuedAt"])
        except (KeyError, TypeError) as error:
            message = "the response names no task"
            raise ServerError(
                FailureKind.UNAVAILABLE, "bad_answer", message, outcome_unknown=True
            ) from error


class SearchClient:
    """Sends searches through one pool of connections."""

    def __init__(self, settings: Settings) -> None:
        """Prepare the pool; it connects with the first search."""
        headers = dict(UNCOMPRESSED)
        if settings.meili_key:
            headers["Authorization"] = f"Bearer {settings.meili_key}"
        self._client = httpx.AsyncClient(
            base_url=settings.meili_url.rstrip("/"),
            headers=headers,
            timeout=httpx.Timeout(2.0, connect=0.5, pool=0.5),
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=20),
        )

    async def search(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post a search and return the response's JSON; ServerError when it fails."""
        try:
            response = await self._client.post(
                path, content=orjson.dumps(body), headers={"Content-Type": "application/json"}
            )
            payload = orjson.loads(response.content)
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise ServerError(
                FailureKind.UNAVAILABLE, "unreachable", type(error).__name__
            ) from error
        if response.is_success and isinstance(payload, dict):
            return payload
        problem = payload if isinstance(payload, dict) else {}
        code = problem.get("code")
        raise ServerError(
            classify_failure(code, response.status_code),
            code or f"status_{response.status_code}",
            str(problem.get("message", "")),
            retry_after=_parse_seconds(response.headers.get("retry-after")),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _translate_errors(request: Callable[[], Result]) -> Result:
    """Send a request and raise the official client's errors as ServerError."""
    try:
        return request()
    except MeilisearchApiError as error:
        response = getattr(error.__cause__, "response", None)
        headers = {} if response is None else response.headers
        raise ServerError(
            classify_failure(error.code, error.status_code),
            error.code or f"status_{error.status_code}",
            error.message,
            retry_after=_parse_seconds(headers.get("Retry-After")),
            outcome_unknown=error.status_code >= 500,
        ) from error
    except (MeilisearchTimeoutError, MeilisearchCommunicationError) as error:
        raise ServerError(
            FailureKind.UNAVAILABLE, "unreachable", _cause_name(error), outcome_unknown=True
        ) from error
    except (MeilisearchError, requests.RequestException, ValueError) as error:
        # The response was cut short or malformed, so the server may have accepted the request.
        raise ServerError(
            FailureKind.UNAVAILABLE, "bad_answer", _cause_name(error), outcome_unknown=True
        ) from error


def _cause_name(error: Exception) -> str:
    return type(error.__cause__ or error).__name__


def _parse_seconds(header: str | None) -> float:
    return float(header) if header is not None and header.isdecimal() else 0.0
