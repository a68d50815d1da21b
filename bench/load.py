"""Starts servers, loads them with wrk, and reads what wrk and the kernel report."""

import os
import re
import shutil
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
# The speed of a machine changes from second to second: servers that are compared take turns.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "11"))
SLICE_SECONDS = 1
# A server that loads bodies into its cache is busy; one that only polls the clock is not.
IDLE_SECONDS = 2.0
IDLE_CPU_SHARE = 0.1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# wrk runs this for every request: it takes the next path of a file, so that filters rotate, and
# replaces {n} in it by a value that no request had before.
ROTATE_PATHS = """
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


def require_wrk() -> None:
    """End the program unless the load generator is installed."""
    if shutil.which("wrk") is None:
        sys.exit("bench: wrk is needed (on Debian: apt-get install wrk)")


@dataclass(frozen=True)
class Load:
    """Result of one run of wrk: requests a second, latencies in ms, server CPU a request in µs.

    `size` is the mean number of bytes of a response.
    """

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
    """Requests for a server: paths in turn, with a key unless it is empty."""

    server: Server
    paths: list[str]
    key: str = ""


@contextmanager
def serving(
    target: str, wait_for: str, environment: Mapping[str, str], port: int = PORT
) -> Iterator[Server]:
    """Run uvicorn with `target` until the block ends; ready when `wait_for` is answered by 200."""
    options = ["--port", str(port), "--no-access-log", "--loop", "uvloop"]
    options += ["--log-level", "warning", "--ws", "none"]
    if target.endswith("create_app"):
        # As `quizwell serve` starts it.
        options += ["--http", PROTOCOL, "--factory", "--no-proxy-headers", "--no-server-header"]
    else:
        options += ["--http", "httptools"]
    command = [sys.executable, "-m", "uvicorn", target, *options]
    with _running(command, ROOT, environment, port, wait_for) as server:
        yield server


@contextmanager
def serving_checkout(
    tree: Path, wait_for: str, environment: Mapping[str, str], port: int
) -> Iterator[Server]:
    """Run `quizwell serve` of another checkout until the block ends."""
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    variables = {**environment, "PYTHONPATH": str(tree), "QUIZWELL_PORT": str(port)}
    with _running(command, tree, variables, port, wait_for) as server:
        yield server


@contextmanager
def _running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], port: int, wait_for: str
) -> Iterator[Server]:
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment})
    try:
        # One client: to make another one for each attempt would keep one of two cores busy.
        with httpx.Client(timeout=5) as client:
            while not _is_ready(client, f"http://127.0.0.1:{port}{wait_for}"):
                if process.poll() is not None:
                    message = f"{' '.join(command)} ended with status {process.returncode}"
                    raise RuntimeError(message)
                time.sleep(0.02)
        yield Server(process.pid, port, time.monotonic() - began)
    finally:
        process.terminate()
        process.wait()


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def load(
    works: Sequence[Work], folder: Path, rounds: int = ROUNDS, seconds: int = SLICE_SECONDS
) -> list[list[Load]]:
    """Load the servers in turn over 16 connections, round by round; return each one's results.

    Every other round goes in the opposite direction, so that no server always comes first.
    """
    for position, work in enumerate(works):
        script, paths = _files(folder, position)
        script.write_text(ROTATE_PATHS)
        paths.write_text("\n".join(work.paths) + "\n")
        _run_wrk(work, folder, position, 1)
    results: list[list[Load]] = [[] for _ in works]
    order = list(enumerate(works))
    for _ in range(rounds):
        for position, work in order:
            results[position].append(_measure(work, folder, position, seconds))
        order.reverse()
    return results


def medians(results: Sequence[Load]) -> Load:
    """Return the median of each value."""
    values = {
        name.name: median(getattr(each, name.name) for each in results) for name in fields(Load)
    }
    return Load(**values)


def ratios(results: Sequence[Load], others: Sequence[Load]) -> list[float]:
    """Return, round by round, how many times as many requests a second were served."""
    return [one.rate / other.rate for one, other in zip(results, others, strict=True)]


def median_ratio(results: Sequence[Load], others: Sequence[Load]) -> float:
    """Return the median of `ratios`."""
    return median(ratios(results, others))


def _files(folder: Path, position: int) -> tuple[Path, Path]:
    return folder / f"rotate-{position}.lua", folder / f"paths-{position}.txt"


def _run_wrk(work: Work, folder: Path, position: int, seconds: int) -> str:
    script, paths = _files(folder, position)
    environment = {**os.environ, "BENCH_PATHS": str(paths), "BENCH_KEY": work.key}
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-s", str(script), f"-d{seconds}", work.server.url]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return run.stdout


def _measure(work: Work, folder: Path, position: int, seconds: int) -> Load:
    before = _cpu_seconds(work.server.pid)
    output = _run_wrk(work, folder, position, seconds)
    spent = _cpu_seconds(work.server.pid) - before
    found = re.search(r"RESULT (\d+) (\d+) (\S+) (\S+) (\d+) (\d+)", output)
    if found is None:
        message = f"wrk wrote: {output}"
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


def wait_until_idle(server: Server) -> float:
    """Wait until a server without requests uses next to no CPU; return the seconds."""
    began = time.monotonic()
    while True:
        before = _cpu_seconds(server.pid)
        time.sleep(IDLE_SECONDS)
        if _cpu_seconds(server.pid) - before < IDLE_SECONDS * IDLE_CPU_SHARE:
            return time.monotonic() - began


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def private_megabytes(pid: int) -> float:
    """Return the memory that only this process uses, in MB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = sum(int(found) for found in re.findall(r"Private_\w+:\s+(\d+) kB", rollup))
    return kilobytes / 1000
