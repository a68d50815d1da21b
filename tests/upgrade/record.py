"""Records a database and the responses of delivery as one commit of Quizwell made them.

    git worktree add /tmp/old 927cd5f
    .venv/bin/python -m tests.upgrade.record /tmp/old

The old commit runs as it is, in its own tree: its `quizwell serve` migrates an empty SQLite
database and loads the seed bank, and its HTTP interface makes the edits of `EDITS`. Then every
response of `addresses()` is recorded, the service is stopped, and the tables are read. Nothing is
imported from `app`, which would be that of this tree.
"""

import json
import lzma
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

DATA = Path(__file__).parent.parent / "data"
DATABASE = DATA / "upgrade-database.jsonl.xz"
RESPONSES = DATA / "upgrade-responses.jsonl.xz"

SECRET = "the secret of the recorded database_0123456789"
ADMIN_KEY = "recorded-admin-key_0123456789-0123456789"
HEADERS = ("content-type", "etag", "quizwell-edition")
START_SECONDS = 120.0

Row = dict[str, Any]


@contextmanager
def serving(tree: Path, data_dir: Path) -> Iterator[httpx.Client]:
    """Run `quizwell serve` of another tree on a fresh database; gives the admin's client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "QUIZWELL_DATA_DIR": str(data_dir),
        "QUIZWELL_PORT": str(port),
        "QUIZWELL_SECRET_KEYS": SECRET,
        "QUIZWELL_ADMIN_KEY": ADMIN_KEY,
        "QUIZWELL_RATE_ANONYMOUS": "off",
        "QUIZWELL_RATE_KEY": "off",
    }
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    process = subprocess.Popen(command, cwd=tree, env=environment)
    try:
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60
        ) as client:
            _wait_until_ready(client, process)
            yield client
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service did not start"
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    message = "the service did not become ready"
    raise TimeoutError(message)


def edit(client: httpx.Client) -> str:
    """Change the seed bank in every way that leaves traces; return the secret of a reading key."""

    def send(method: str, path: str, body: object = None, **headers: str) -> Row:
        response = client.request(method, path, json=body, headers=headers)
        response.raise_for_status()
        return dict(response.json()) if response.content else {}

    def change(question_id: str, body: object) -> None:
        send("PATCH", f"/v1/editing/questions/{question_id}", body, **{"If-Match": "*"})

    def act(question_id: str, verb: str) -> None:
        send("POST", f"/v1/editing/questions/{question_id}/{verb}", {}, **{"If-Match": "*"})

    page = send("GET", "/v1/questions?limit=20&sort=oldest")["items"]
    ids = [str(item["id"]) for item in page]
    # A draft that is newer than what is published; a second revision; one withdrawn; one archived.
    send("POST", "/v1/quizzes", {"title": "Recorded", "slug": "recorded", "ids": ids[:5]})
    change(ids[0], {"stem": "This draft was never published."})
    change(ids[1], {"explanation": "The second revision says *more*."})
    act(ids[1], "publish")
    act(ids[2], "withdraw")
    act(ids[5], "withdraw")
    act(ids[5], "archive")
    # A term with an alias, a merged term, a moved category, synonyms.
    term = {"name": "Recorded tag", "description": ""}
    send("POST", "/v1/editing/tags", term | {"slug": "recorded-tag", "aliases": ["taped"]})
    send("POST", "/v1/editing/tags", term | {"slug": "old-tag", "name": "Old tag"})
    change(ids[6], {"tags": ["recorded-tag", "old-tag"]})
    act(ids[6], "publish")
    send("POST", "/v1/editing/tags/old-tag/merge", {"into": "recorded-tag"})
    send("PATCH", "/v1/editing/categories/ensembles", {"parent": "metrics"}, **{"If-Match": "*"})
    words = {"words": ["overfitting", "memorising noise"]}
    send("POST", "/v1/editing/synonyms", words, **{"Idempotency-Key": "recorded"})
    # A bank that only a key may read.
    bank = {"slug": "closed", "name": "Closed", "read": "restricted", "answers": "restricted"}
    send("POST", "/v1/editing/banks", bank)
    for number in range(3):
        question = {
            "bank": "closed",
            "kind": "numeric",
            "external_id": f"closed-{number}",
            "stem": f"What is {number} + 1? Overfitting is no answer.",
            "difficulty": "hard",
            "answer": {"value": str(number + 1), "tolerance": "0"},
        }
        send("POST", "/v1/editing/questions?publish=true", question)
    key = {
        "name": "Recorded reader",
        "kind": "secret",
        "scopes": ["questions:read", "answers:read"],
        "banks": ["closed", "machine-learning"],
    }
    return str(send("POST", "/v1/editing/keys", key)["secret"])


def addresses() -> Iterator[str]:
    """Yield what is requested first; pages and single questions follow from the responses."""
    yield from (
        f"/v1/questions?limit=100&sort={sort}&format={form}"
        for sort, form in (
            ("newest", "markdown"),
            ("oldest", "text"),
            ("updated", "nodes"),
        )
    )
    yield "/v1/questions?limit=100&answers=true"
    yield "/v1/questions?limit=100&bank=closed&answers=true&format=html"
    yield "/v1/questions?limit=100&category=metrics&difficulty=hard&format=html"
    yield "/v1/questions?tag=taped"
    yield "/v1/questions?tag=old-tag"
    for query in ("", "&category=metrics", "&difficulty=easy&level=fresher", "&bank=closed"):
        yield f"/v1/questions/random?seed=recorded&count=20{query}"
    for query in ("", "?category=metrics", "?bank=closed", "?company=google&difficulty=medium"):
        yield f"/v1/facets{query}"
    yield "/v1/changes?limit=1000&answers=true"
    yield "/v1/changes?limit=300&category=metrics"
    for words in (
        "overfitting",
        "memorising+noise",
        "precis",
        "gradiant+descent",
        "k-means",
        "C++",
    ):
        yield f"/v1/search?limit=10&facets=true&q={words}"
    yield "/v1/search?q=overfitting&answers=true&format=html&bank=closed"
    yield "/v1/quizzes?limit=10"
    for vocabulary in ("categories", "companies", "tags", "banks"):
        yield f"/v1/{vocabulary}"


def record(client: httpx.Client, secret: str) -> list[Row]:
    """Return each response: to anonymous callers, and to the holder of the key."""
    edition = client.get("/v1/facets").headers["Quizwell-Edition"]
    while client.get("/v1/search?q=a", headers={"Quizwell-Min-Edition": edition}).is_server_error:
        time.sleep(0.1)
    recorded: list[Row] = []
    for key in ("", secret):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with httpx.Client(base_url=client.base_url, headers=headers, timeout=60) as reader:
            waiting = list(addresses())
            while waiting:
                address = waiting.pop(0)
                response = reader.get(address)
                recorded.append(
                    {
                        "address": address,
                        "key": bool(key),
                        "status": response.status_code,
                        "headers": {name: response.headers.get(name) for name in HEADERS},
                        "body": response.text,
                    }
                )
                if response.is_success:
                    waiting += _following(address, response.json())
    return recorded


def _following(address: str, body: Row) -> Iterator[str]:
    """Yield the next page, and the single questions and quizzes of a first one."""
    path, _, query = address.partition("?")
    # Of a search, two pages: common words find everything.
    if body.get("next_cursor") and not (path == "/v1/search" and "cursor=" in query):
        pairs = [pair for pair in query.split("&") if not pair.startswith("cursor=")]
        yield f"{path}?{'&'.join(pairs)}&cursor={body['next_cursor']}"
    if body.get("more"):
        pairs = [pair for pair in query.split("&") if not pair.startswith("after=")]
        yield f"{path}?{'&'.join(pairs)}&after={body['mark']}"
    if address == "/v1/questions?limit=100&answers=true":
        for item in body["items"]:
            yield f"/v1/questions/{item['id']}?answers=true&format=html"
    if path == "/v1/quizzes":
        for item in body["items"]:
            yield f"/v1/quizzes/{item['id']}"


def tables(path: Path) -> Iterator[Row]:
    """Yield the settings, the schema, and each table with its rows; bytes become {"hex": …}."""
    with closing(sqlite3.connect(path)) as connection:
        schema = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
        made = [
            dict(zip(("type", "name", "sql"), row, strict=True))
            for row in connection.execute(schema)
        ]
        yield {"schema": [row["sql"] for row in made if not row["name"].startswith("sqlite_")]}
        for row in made:
            if row["type"] != "table":
                continue
            found = connection.execute(f'SELECT * FROM "{row["name"]}"')
            columns = [column[0] for column in found.description]
            rows = [[_plain(value) for value in values] for values in found]
            yield {"table": row["name"], "columns": columns, "rows": rows}


def _plain(value: object) -> object:
    if not isinstance(value, bytes):
        return value
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def write(path: Path, rows: Iterator[Row] | list[Row]) -> None:
    """Write JSON Lines, compressed."""
    with lzma.open(path, "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main(tree: Path) -> None:
    """Record from the commit that is checked out in `tree`."""
    commit = ["git", "-C", str(tree), "rev-parse", "HEAD"]
    origin = {
        "commit": subprocess.check_output(commit, text=True).strip(),
        "secret_key": SECRET,
        "admin_key": ADMIN_KEY,
    }
    with tempfile.TemporaryDirectory() as name:
        with serving(tree, Path(name)) as client:
            secret = edit(client)
            responses = record(client, secret)
        origin["reader_key"] = secret
        write(DATABASE, [origin, *tables(Path(name) / "quizwell.db")])
        write(RESPONSES, responses)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
