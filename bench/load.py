"""Starts a server, loads it with wrk, and reads what both say."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import httpx

from app.core.http.uvicorn_protocol import PROTOCOL

ROOT = Path(__file__).parent.parent
PORT = 8765
URL = f"http://127.0.0.1:{PORT}"
CONNECTIONS = 16
# Machines grow faster and slower from second to second: what is compared takes turns, in slices.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "11"))
SLICE_SECONDS = 1
# A server that reads bodies ahead is busy; one that only follows the clock is not.
QUIET_SECONDS = 2.0
QUIET_PART = 0.1
TICKS = os.sysconf("SC_CLK_TCK")

# wrk runs this for every request: the next path of a file, so that filters rotate. {n} in it turns
# into what never was there before.
ROTATE = """
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
local key = os.getenv("BENCH_KEY")
local headers = {}
if key and key ~= "" then headers["Authorization"] = "Bearer " .. key end
local at, sent, run = 0, 0, os.time()
request = function()
  at, sent = at % #paths + 1, sent + 1
  local path = paths[at]
  if path:find("{n}", 1, true) then path = path:gsub("{n}", run .. "-" .. sent) end
  return wrk.format("GET", path, headers)
end
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %f %f %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status, summary.bytes))
end
"""


@dataclass(frozen=True)
class Load:
    """What one run of wrk found: requests a second, latencies in ms, server CPU a request in µs."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int
    size: int


@dataclass(frozen=True)
class Server:
    """A running server process."""

    pid: int
    port: int
    ready_seconds: float

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Work:
    """What a server is asked: paths in turn, with a key where one is given."""

    server: Server
    paths: list[str]
    key: str = ""


@contextmanager
def serving(
    target: str, wait_for: str, environment: Mapping[str, str], port: int = PORT
) -> Iterator[Server]:
    """Run uvicorn with `target` until the block ends; ready when `wait_for` answers 200."""
    arguments = [
        "-m",
        "uvicorn",
        target,
        "--port",
        str(port),
        "--no-access-log",
        "--loop",
        "uvloop",
    ]
    arguments += ["--log-level", "warning", "--ws", "none"]
    if target.endswith("create_app"):
        # As `quizwell serve` starts it.
        arguments += ["--http", PROTOCOL, "--factory", "--no-proxy-headers", "--no-server-header"]
    else:
        arguments += ["--http", "httptools"]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        # One client: to make another each time would keep one of two cores busy.
        with httpx.Client(timeout=5) as client:
            while not _answers(client, f"http://127.0.0.1:{port}{wait_for}"):
                if process.poll() is not None:
                    message = f"{target} ended with status {process.returncode}"
                    raise RuntimeError(message)
                time.sleep(0.02)
        yield Server(process.pid, port, time.monotonic() - began)
    finally:
        process.terminate()
        process.wait()


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def load(works: Sequence[Work], folder: Path) -> list[list[Load]]:
    """Load each server in turn over 16 connections, again and again; return each one's slices."""
    for place, work in enumerate(works):
        _files(folder, place)[0].write_text(ROTATE)
        _files(folder, place)[1].write_text("\n".join(work.paths) + "\n")
        _wrk(work, folder, place, 1)
    found: list[list[Load]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for place, work in enumerate(works):
            found[place].append(_slice(work, folder, place))
    return found


def middle(slices: Sequence[Load]) -> Load:
    """Return the median of each value."""
    values = {
        name.name: median(getattr(each, name.name) for each in slices) for name in fields(Load)
    }
    return Load(**values)


def share(slices: Sequence[Load], others: Sequence[Load]) -> float:
    """Return the median of how many times as many requests a second came through in one round."""
    return median(one.rate / other.rate for one, other in zip(slices, others, strict=True))


def _files(folder: Path, place: int) -> tuple[Path, Path]:
    return folder / f"rotate-{place}.lua", folder / f"paths-{place}.txt"


def _wrk(work: Work, folder: Path, place: int, seconds: int) -> str:
    script, paths = _files(folder, place)
    environment = {**os.environ, "BENCH_PATHS": str(paths), "BENCH_KEY": work.key}
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-s", str(script), f"-d{seconds}", work.server.url]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return run.stdout


def _slice(work: Work, folder: Path, place: int) -> Load:
    before = _cpu(work.server.pid)
    said = _wrk(work, folder, place, SLICE_SECONDS)
    spent = _cpu(work.server.pid) - before
    found = re.search(r"RESULT (\d+) (\d+) (\S+) (\S+) (\d+) (\d+)", said)
    if found is None:
        message = f"wrk said: {said}"
        raise RuntimeError(message)
    requests, microseconds, p50, p99, failed, size = (float(part) for part in found.groups())
    return Load(
        rate=requests / microseconds * 1e6,
        p50=p50 / 1000,
        p99=p99 / 1000,
        cpu=spent / requests * 1e6,
        failed=int(failed),
        size=round(size / requests),
    )


def settle(server: Server) -> float:
    """Wait until a server that is asked for nothing does next to nothing; return the seconds."""
    began = time.monotonic()
    while True:
        before = _cpu(server.pid)
        time.sleep(QUIET_SECONDS)
        if _cpu(server.pid) - before < QUIET_SECONDS * QUIET_PART:
            return time.monotonic() - began


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def private_megabytes(pid: int) -> float:
    """Return the memory that only this process holds, in MB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = sum(int(found) for found in re.findall(r"Private_\w+:\s+(\d+) kB", rollup))
    return kilobytes / 1000
