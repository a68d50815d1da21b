"""Sends the recorded requests to a server again, and compares the responses.

The steps between the recorded requests, which were not recorded, are methods of `Replay`.
"""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.meili.fake import FakeMeili
from tests.support.meili.http.keys import key_value
from tests.support.meili.real import RealMeili

Meili = FakeMeili | RealMeili
Exchange = dict[str, Any]
RECORDING = Path(__file__).with_name("recorded.jsonl")
# Headers of the recorded requests that name no headers.
DEFAULT_HEADERS = {"Authorization": "Bearer <master>", "Content-Type": "application/json"}
FINISHED_STATUSES = {"succeeded", "failed", "canceled"}
LARGE_BATCH_DOCUMENTS = 20_000
TASK_TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.002
KEY_UIDS = {
    "search": "8d1d7e2a-5f0e-4c8b-9a51-2b7c6f3e1a01",
    "mirror": "8d1d7e2a-5f0e-4c8b-9a51-2b7c6f3e1a02",
}
# Times, sizes and random values: only their types are compared.
VARIABLE_FIELDS = {
    "avgDocumentSize",
    "commitDate",
    "commitSha",
    "createdAt",
    "databaseSize",
    "dumpUid",
    "duration",
    "enqueuedAt",
    "finishedAt",
    "key",
    "lastUpdate",
    "processingTimeMs",
    "progress",
    "progressTrace",
    "rawDocumentDbSize",
    "requestUid",
    "startedAt",
    "updatedAt",
    "usedDatabaseSize",
    "writeChannelCongestion",
}


def load_recording() -> list[Exchange]:
    return [json.loads(line) for line in RECORDING.read_text("utf-8").splitlines()]


def comparable(value: Any) -> Any:
    """Return a body with the variable fields replaced by the names of their types."""
    if isinstance(value, dict):
        return {
            key: type(item).__name__ if key in VARIABLE_FIELDS else comparable(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return round(value, 9) if isinstance(value, float) else value


class Replay:
    """One run of the recorded exchanges against one server.

    `differences` are tuples of scenario, step and description.
    """

    def __init__(self, meili: Meili) -> None:
        self.meili = meili
        self.exchanges = load_recording()
        self.differences: list[tuple[str, str, str]] = []
        self._client = httpx.Client(timeout=60.0, headers={"Accept-Encoding": "identity"})

    def run(self, skip: Callable[[Exchange], bool]) -> None:
        for exchange in self.exchanges:
            if not skip(exchange):
                name = f"{exchange['scenario']}: {exchange['step']}"
                prepare = PREPARATIONS.get(name)
                if prepare is not None:
                    prepare(self)
                self._compare(exchange)
        self._client.close()

    # Requests

    def send(self, method: str, path: str, body: Any = None, key: str = "master") -> Any:
        """Send a request that was not recorded, and return the JSON of its response."""
        headers = {"Authorization": f"Bearer {self._key_value(key)}"}
        response = self._client.request(method, self.meili.url + path, json=body, headers=headers)
        assert response.is_success, response.text
        return response.json()

    def run_task(self, method: str, path: str, body: Any = None) -> int:
        """Send a write that was not recorded, and wait until its task has finished."""
        uid = int(self.send(method, path, body)["taskUid"])
        self.wait_for_status(uid, FINISHED_STATUSES)
        return uid

    def wait_for_status(self, uid: int, statuses: set[str]) -> None:
        deadline = time.monotonic() + TASK_TIMEOUT_SECONDS
        while self.send("GET", f"/tasks/{uid}")["status"] not in statuses:
            assert time.monotonic() < deadline, f"task {uid} takes too long"
            time.sleep(POLL_SECONDS)

    def _key_value(self, name: str) -> str:
        master_key = self.meili.key
        if name in KEY_UIDS:
            return key_value(master_key, KEY_UIDS[name])
        return master_key if name == "master" else "no"

    def _build_request(self, exchange: Exchange) -> httpx.Request:
        recorded = exchange["request"]
        headers = dict(recorded.get("headers", DEFAULT_HEADERS))
        if "Authorization" in headers:
            name = headers["Authorization"].removeprefix("Bearer <").removesuffix(">")
            headers["Authorization"] = f"Bearer {self._key_value(name)}"
        if exchange["step"] == "lower-case scheme":
            headers["Authorization"] = f"bearer {self.meili.key}"
        return self._client.build_request(
            recorded["method"],
            self.meili.url + recorded["path"],
            headers=headers,
            content=_request_body(exchange),
        )

    def _compare(self, exchange: Exchange) -> None:
        recorded = exchange["response"]
        response = self._send_recorded(exchange)
        body = response.json() if response.content else ""
        headers = {name: response.headers.get(name) for name in recorded["headers"]}
        for part, expected, actual in (
            ("status", recorded["status"], response.status_code),
            ("headers", recorded["headers"], headers),
            ("body", comparable(recorded["body"]), comparable(body)),
        ):
            if expected != actual:
                description = f"{part}: recorded {_to_json(expected)}, got {_to_json(actual)}"
                self.differences.append((exchange["scenario"], exchange["step"], description))

    def _send_recorded(self, exchange: Exchange) -> httpx.Response:
        """Send a recorded request; repeat it while a task runs that had finished when recorded."""
        deadline = time.monotonic() + TASK_TIMEOUT_SECONDS
        while True:
            response = self._client.send(self._build_request(exchange))
            if (
                not _is_unfinished(exchange["response"]["body"], response)
                or time.monotonic() > deadline
            ):
                return response
            time.sleep(POLL_SECONDS)

    # Steps between the recorded requests

    def _stall_batches(self, on: bool) -> None:
        """Keep batches processing; a real server is slow enough with many documents."""
        if isinstance(self.meili, FakeMeili):
            self.meili.faults.stall_batches = on

    def _add_long_id(self) -> None:
        self.run_task("POST", "/indexes/questions/documents", [{"id": "x" * 512}])

    def _start_large_batch(self) -> int:
        documents = [
            {"id": 1000 + n, "rev": n, "stem": f"question number {n} of many"}
            for n in range(LARGE_BATCH_DOCUMENTS)
        ]
        uid = int(self.send("POST", "/indexes/questions/documents", documents)["taskUid"])
        self.wait_for_status(uid, {"processing"})
        return uid

    def _fill_queue(self) -> None:
        self._stall_batches(True)
        self._start_large_batch()
        for n in range(6):
            self.send("POST", "/indexes/questions/documents", [{"id": 200 + n, "stem": "x"}])
        self.send("POST", "/indexes/questions/documents", [{"id": "no good", "stem": "x"}])
        self.send("POST", "/indexes/questions/documents/delete-batch", [200])

    def _resume_batches(self) -> None:
        self._stall_batches(False)

    def _keep_seven_documents(self) -> None:
        self.run_task("POST", "/indexes/questions/documents/delete", {"filter": "id > 7"})

    def _add_second_bank(self) -> None:
        settings = self.send("GET", "/indexes/questions/settings")
        self.run_task("POST", "/indexes", {"uid": "questions_b", "primaryKey": "id"})
        self.run_task("PATCH", "/indexes/questions_b/settings", _writable_settings(settings))
        documents = [
            {"id": 51, "rev": 1, "stem": "Write gradient descent for a linear model"},
            {"id": 52, "rev": 1, "stem": "Name two gradients"},
        ]
        levels = ("hard", "easy")
        documents = [d | {"difficulty": level} for d, level in zip(documents, levels, strict=True)]
        self.run_task("POST", "/indexes/questions_b/documents", documents)

    def _add_second_index(self) -> None:
        settings = self.send("GET", "/indexes/questions/settings")
        self.run_task("DELETE", "/indexes/questions_b")
        self.run_task("POST", "/indexes", {"uid": "questions_2", "primaryKey": "id"})
        self.run_task("PATCH", "/indexes/questions_2/settings", _writable_settings(settings))
        documents = [{"id": n, "rev": 1, "stem": "x"} for n in (1, 2)]
        self.run_task("POST", "/indexes/questions_2/documents", documents)

    def _swap_back(self) -> None:
        self.run_task("POST", "/swap-indexes", [{"indexes": ["questions", "questions_2"]}])

    def _delete_third_index(self) -> None:
        self._stall_batches(True)
        body = [{"id": 1, "rev": 2, "stem": "before the deletion"}]
        uid = int(self.send("POST", "/indexes/questions_3/documents", body)["taskUid"])
        self.wait_for_status(uid, {"processing", *FINISHED_STATUSES})
        self.send("DELETE", "/indexes/questions_3")

    def _kill_server(self) -> None:
        self.run_task("POST", "/indexes/questions/documents/delete-batch", [4711])
        self._stall_batches(True)
        uid = self._start_large_batch()
        body = [{"id": 301, "rev": 1, "stem": "accepted before the kill"}]
        self.send("POST", "/indexes/questions/documents", body)
        self.meili.crash()
        self.wait_for_status(uid, {"processing"})

    def _delete_large_batch(self) -> None:
        self.run_task("POST", "/indexes/questions/documents/delete", {"filter": "id > 400"})

    def _restore_snapshot(self) -> None:
        self.meili.restore_snapshot()

    def _restore_dump(self) -> None:
        self.meili.wait_until_idle()
        self.meili.restore_dump()

    def _wipe(self) -> None:
        self.meili.wipe()

    def _wipe_without_key(self) -> None:
        self.meili.wipe(master_key=None)

    def _wipe_with_payload_limit(self) -> None:
        self.meili.payload_limit = 1_000_000
        self.meili.wipe(master_key="the-master-key-of-a-limited-server")

    def _fill_search_queue(self) -> None:
        if isinstance(self.meili, FakeMeili):
            self.meili.faults.search_queue_full = True


# What to do before a recorded exchange.
PREPARATIONS: dict[str, Callable[[Replay], None]] = {
    "documents: an id of 512 bytes, ended": Replay._add_long_id,
    "tasks: one that is processing": Replay._fill_queue,
    "tasks: the last one of the queue, ended": Replay._resume_batches,
    "search: plain": Replay._keep_seven_documents,
    "federation: two indexes, one list": Replay._add_second_bank,
    "swap: before: questions": Replay._add_second_index,
    "swap: rename onto a free name": Replay._swap_back,
    "swap: documents behind the deletion, key lacks indexes.create": Replay._delete_third_index,
    "swap: documents before the deletion, ended": Replay._resume_batches,
    "restart: after kill -9 and a new start: the task that was running": Replay._kill_server,
    "restart: after kill -9: the one behind it, ended": Replay._resume_batches,
    "restore: dump": Replay._delete_large_batch,
    "restore: restored from the snapshot: the document": Replay._restore_snapshot,
    "restore: restored from the dump: the index": Replay._restore_dump,
    "wiped: the mirror's key on a wiped server": Replay._wipe,
    "wiped: no master key: open": Replay._wipe_without_key,
    "limits: more than the payload limit": Replay._wipe_with_payload_limit,
    "limits: a full search queue (200 of 960 searches refused)": Replay._fill_search_queue,
}


def _request_body(exchange: Exchange) -> bytes:
    recorded = exchange["request"]
    if "headers" not in recorded:
        return b"{}"
    if exchange["scenario"] == "limits":
        large = json.dumps([{"id": n, "stem": "x" * 1000} for n in range(1100)]).encode()
        return gzip.compress(large) if "Content-Encoding" in recorded["headers"] else large
    if exchange["step"] == "gzip NDJSON":
        return gzip.compress(_request_body(_recorded_step("add (NDJSON), customMetadata")))
    if "body" in recorded:
        return json.dumps(recorded["body"], ensure_ascii=False).encode()
    return str(recorded.get("body_text", "")).encode()


def _recorded_step(step: str) -> Exchange:
    return next(exchange for exchange in load_recording() if exchange["step"] == step)


def _writable_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings to send to a new index, so that it is like the one with `settings`."""
    names = (
        "searchableAttributes",
        "filterableAttributes",
        "sortableAttributes",
        "dictionary",
        "synonyms",
        "typoTolerance",
        "faceting",
    )
    writable = {name: settings[name] for name in names}
    writable["typoTolerance"] = {"disableOnNumbers": True}
    return writable


def _is_unfinished(recorded: Any, response: httpx.Response) -> bool:
    """Return whether tasks of a response are unfinished that were finished when recorded."""
    if not isinstance(recorded, dict) or not response.is_success:
        return False
    return bool(_task_statuses(recorded) & FINISHED_STATUSES) and bool(
        _task_statuses(response.json()) - FINISHED_STATUSES
    )


def _task_statuses(body: dict[str, Any]) -> set[str]:
    tasks = body.get("results", [body])
    return {str(task["status"]) for task in tasks if "status" in task and "uid" in task}


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
