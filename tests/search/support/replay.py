"""Sends the recorded exchanges to a server again, with what lay between them, and compares."""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.meili.fake import FakeMeili
from tests.support.meili.keys import secret
from tests.support.meili.real import RealMeili

Meili = FakeMeili | RealMeili
Exchange = dict[str, Any]
RECORDED = Path(__file__).with_name("recorded.jsonl")
USUAL_HEADERS = {"Authorization": "Bearer <master>", "Content-Type": "application/json"}
ENDED = {"succeeded", "failed", "canceled"}
MANY = 20_000
KEYS = {
    "search": "8d1d7e2a-5f0e-4c8b-9a51-2b7c6f3e1a01",
    "mirror": "8d1d7e2a-5f0e-4c8b-9a51-2b7c6f3e1a02",
}
# Of these only the kind of the value is compared: times, sizes, and what is drawn by chance.
VARIABLE = {
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


def _named(step: str) -> Exchange:
    return next(exchange for exchange in recorded() if exchange["step"] == step)


def recorded() -> list[Exchange]:
    return [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()]


def plain(value: Any) -> Any:
    """Return a body in which what varies from run to run is replaced by its kind."""
    if isinstance(value, dict):
        return {
            key: type(item).__name__ if key in VARIABLE else plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    return round(value, 9) if isinstance(value, float) else value


class Replay:
    """One run of all recorded exchanges against one server."""

    def __init__(self, meili: Meili) -> None:
        self.meili = meili
        self.exchanges = recorded()
        self.differences: list[tuple[str, str, str]] = []
        self._client = httpx.Client(timeout=60.0, headers={"Accept-Encoding": "identity"})

    def run(self, skip: Callable[[Exchange], bool]) -> None:
        for exchange in self.exchanges:
            if not skip(exchange):
                name = f"{exchange['scenario']}: {exchange['step']}"
                BEFORE.get(name, Replay._nothing)(self)
                self._compare(exchange)
        self._client.close()

    def _nothing(self) -> None:
        pass

    # Requests

    def send(self, method: str, path: str, body: Any = None, key: str = "master") -> Any:
        """Send something that was not recorded, and return the answer's JSON."""
        headers = {"Authorization": f"Bearer {self._key(key)}"}
        answer = self._client.request(method, self.meili.url + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def task(self, method: str, path: str, body: Any = None) -> int:
        """Send a write that was not recorded, and wait until its task has ended."""
        number = int(self.send(method, path, body)["taskUid"])
        self.wait(number, ENDED)
        return number

    def wait(self, number: int, statuses: set[str]) -> None:
        deadline = time.monotonic() + 60
        while self.send("GET", f"/tasks/{number}")["status"] not in statuses:
            assert time.monotonic() < deadline, f"task {number} takes too long"
            time.sleep(0.002)

    def _key(self, name: str) -> str:
        master = self.meili.key
        return secret(master, KEYS[name]) if name in KEYS else master if name == "master" else "no"

    def _request(self, exchange: Exchange) -> httpx.Request:
        asked = exchange["request"]
        headers = dict(asked.get("headers", USUAL_HEADERS))
        if "Authorization" in headers:
            name = headers["Authorization"].removeprefix("Bearer <").removesuffix(">")
            headers["Authorization"] = f"Bearer {self._key(name)}"
        if exchange["step"] == "lower-case scheme":
            headers["Authorization"] = f"bearer {self.meili.key}"
        return self._client.build_request(
            asked["method"],
            self.meili.url + asked["path"],
            headers=headers,
            content=_content(exchange),
        )

    def _compare(self, exchange: Exchange) -> None:
        expected = exchange["response"]
        answer = self._answer(exchange)
        body = answer.json() if answer.content else ""
        headers = {name: answer.headers.get(name) for name in expected["headers"]}
        for what, wanted, got in (
            ("status", expected["status"], answer.status_code),
            ("headers", expected["headers"], headers),
            ("body", plain(expected["body"]), plain(body)),
        ):
            if wanted != got:
                text = f"{what}: recorded {_shown(wanted)}, got {_shown(got)}"
                self.differences.append((exchange["scenario"], exchange["step"], text))

    def _answer(self, exchange: Exchange) -> httpx.Response:
        """Send the request, again and again if it asks for a task that had ended."""
        deadline = time.monotonic() + 60
        while True:
            answer = self._client.send(self._request(exchange))
            if not _awaits(exchange["response"]["body"], answer) or time.monotonic() > deadline:
                return answer
            time.sleep(0.002)

    # What lay between the recorded requests

    def stall(self, on: bool) -> None:
        """Keep batches processing; a real server is slow enough with many documents."""
        if isinstance(self.meili, FakeMeili):
            self.meili.faults.stall = on

    def _long_id(self) -> None:
        self.task("POST", "/indexes/questions/documents", [{"id": "x" * 512}])

    def _many(self) -> int:
        documents = [
            {"id": 1000 + n, "rev": n, "stem": f"question number {n} of many"} for n in range(MANY)
        ]
        number = int(self.send("POST", "/indexes/questions/documents", documents)["taskUid"])
        self.wait(number, {"processing"})
        return number

    def _queue(self) -> None:
        self.stall(True)
        self._many()
        for n in range(6):
            self.send("POST", "/indexes/questions/documents", [{"id": 200 + n, "stem": "x"}])
        self.send("POST", "/indexes/questions/documents", [{"id": "no good", "stem": "x"}])
        self.send("POST", "/indexes/questions/documents/delete-batch", [200])

    def _go_on(self) -> None:
        self.stall(False)

    def _only_seven(self) -> None:
        self.task("POST", "/indexes/questions/documents/delete", {"filter": "id > 7"})

    def _second_bank(self) -> None:
        settings = self.send("GET", "/indexes/questions/settings")
        self.task("POST", "/indexes", {"uid": "questions_b", "primaryKey": "id"})
        self.task("PATCH", "/indexes/questions_b/settings", _sent_settings(settings))
        documents = [
            {"id": 51, "rev": 1, "stem": "Write gradient descent for a linear model"},
            {"id": 52, "rev": 1, "stem": "Name two gradients"},
        ]
        levels = ("hard", "easy")
        documents = [d | {"difficulty": level} for d, level in zip(documents, levels, strict=True)]
        self.task("POST", "/indexes/questions_b/documents", documents)

    def _second_index(self) -> None:
        settings = self.send("GET", "/indexes/questions/settings")
        self.task("DELETE", "/indexes/questions_b")
        self.task("POST", "/indexes", {"uid": "questions_2", "primaryKey": "id"})
        self.task("PATCH", "/indexes/questions_2/settings", _sent_settings(settings))
        documents = [{"id": n, "rev": 1, "stem": "x"} for n in (1, 2)]
        self.task("POST", "/indexes/questions_2/documents", documents)

    def _swap_back(self) -> None:
        self.task("POST", "/swap-indexes", [{"indexes": ["questions", "questions_2"]}])

    def _delete_third(self) -> None:
        self.stall(True)
        body = [{"id": 1, "rev": 2, "stem": "before the deletion"}]
        number = int(self.send("POST", "/indexes/questions_3/documents", body)["taskUid"])
        self.wait(number, {"processing", *ENDED})
        self.send("DELETE", "/indexes/questions_3")

    def _kill(self) -> None:
        self.task("POST", "/indexes/questions/documents/delete-batch", [4711])
        self.stall(True)
        number = self._many()
        body = [{"id": 301, "rev": 1, "stem": "accepted before the kill"}]
        self.send("POST", "/indexes/questions/documents", body)
        self.meili.crash()
        self.wait(number, {"processing"})

    def _few_again(self) -> None:
        self.task("POST", "/indexes/questions/documents/delete", {"filter": "id > 400"})

    def _restore_snapshot(self) -> None:
        self.meili.restore_snapshot()

    def _restore_dump(self) -> None:
        self.meili.idle()
        self.meili.restore_dump()

    def _wipe(self) -> None:
        self.meili.wipe()

    def _open(self) -> None:
        self.meili.wipe(master_key=None)

    def _limited(self) -> None:
        self.meili.payload_limit = 1_000_000
        self.meili.wipe(master_key="the-master-key-of-a-limited-server")

    def _busy(self) -> None:
        if isinstance(self.meili, FakeMeili):
            self.meili.faults.busy = True


BEFORE: dict[str, Callable[[Replay], None]] = {
    "documents: an id of 512 bytes, ended": Replay._long_id,
    "tasks: one that is processing": Replay._queue,
    "tasks: the last one of the queue, ended": Replay._go_on,
    "search: plain": Replay._only_seven,
    "federation: two indexes, one list": Replay._second_bank,
    "swap: before: questions": Replay._second_index,
    "swap: rename onto a free name": Replay._swap_back,
    "swap: documents behind the deletion, key lacks indexes.create": Replay._delete_third,
    "swap: documents before the deletion, ended": Replay._go_on,
    "restart: after kill -9 and a new start: the task that was running": Replay._kill,
    "restart: after kill -9: the one behind it, ended": Replay._go_on,
    "restore: dump": Replay._few_again,
    "restore: restored from the snapshot: the document": Replay._restore_snapshot,
    "restore: restored from the dump: the index": Replay._restore_dump,
    "wiped: the mirror's key on a wiped server": Replay._wipe,
    "wiped: no master key: open": Replay._open,
    "limits: more than the payload limit": Replay._limited,
    "limits: a full search queue (200 of 960 searches refused)": Replay._busy,
}


def _content(exchange: Exchange) -> bytes:
    asked = exchange["request"]
    if "headers" not in asked:
        return b"{}"
    if exchange["scenario"] == "limits":
        large = json.dumps([{"id": n, "stem": "x" * 1000} for n in range(1100)]).encode()
        return gzip.compress(large) if "Content-Encoding" in asked["headers"] else large
    if exchange["step"] == "gzip NDJSON":
        return gzip.compress(_content(_named("add (NDJSON), customMetadata")))
    if "body" in asked:
        return json.dumps(asked["body"], ensure_ascii=False).encode()
    return str(asked.get("body_text", "")).encode()


def _sent_settings(settings: dict[str, Any]) -> dict[str, Any]:
    names = (
        "searchableAttributes",
        "filterableAttributes",
        "sortableAttributes",
        "dictionary",
        "synonyms",
        "typoTolerance",
        "faceting",
    )
    sent = {name: settings[name] for name in names}
    sent["typoTolerance"] = {"disableOnNumbers": True}
    return sent


def _awaits(expected: Any, answer: httpx.Response) -> bool:
    if not isinstance(expected, dict) or not answer.is_success:
        return False
    wanted = _statuses(expected)
    return bool(wanted & ENDED) and bool(_statuses(answer.json()) - ENDED)


def _statuses(body: dict[str, Any]) -> set[str]:
    tasks = body.get("results", [body])
    return {str(task["status"]) for task in tasks if "status" in task and "uid" in task}


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
