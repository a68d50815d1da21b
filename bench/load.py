"""Starts a server, loads it with wrk, and reads what both say."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.core.corking import PROTOCOL

ROOT = Path(__file__).parent.parent
PORT = 8765
URL = f"http://127.0.0.1:{PORT}"
SECONDS = int(os.environ.get("BENCH_SECONDS", "6"))
CONNECTIONS = 16
# A server that reads bodies ahead is busy; one that only follows the clock is not.
QUIET_SECONDS = 2.0
QUIET_PART = 0.1
TICKS = os.sysconf("SC_CLK_TCK")

# wrk runs this for every request: the next path of a file, so that filters rotate.
ROTATE = """
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
local key = os.getenv("BENCH_KEY")
local headers = {}
if key and key ~= "" then headers["Authorization"] = "Bearer " .. key end
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], headers)
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
    ready_seconds: float


@contextmanager
def serving(target: str, wait_for: str, **environment: str) -> Iterator[Server]:
    """Run uvicorn with `target` until the block ends; ready when `wait_for` answers 200."""
    arguments = [
        "-m",
        "uvicorn",
        target,
        "--port",
        str(PORT),
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
        while not _answers(wait_for):
            if process.poll() is not None:
                message = f"{target} ended with status {process.returncode}"
                raise RuntimeError(message)
            time.sleep(0.02)
        yield Server(process.pid, time.monotonic() - began)
    finally:
        process.terminate()
        process.wait()


def _answers(path: str) -> bool:
    try:
        return httpx.get(URL + path, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def load(
    server: Server, paths: list[str], folder: Path, key: str = "", seconds: int = SECONDS
) -> Load:
    """Send `paths` in turn for some seconds over 16 connections."""
    script, listed = folder / "rotate.lua", folder / "paths.txt"
    script.write_text(ROTATE)
    listed.write_text("\n".join(paths) + "\n")
    environment = {**os.environ, "BENCH_PATHS": str(listed), "BENCH_KEY": key}
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-s", str(script), URL]
    subprocess.run([*command, "-d1"], env=environment, check=True, capture_output=True)
    before = _cpu(server.pid)
    run = subprocess.run(
        [*command, f"-d{seconds}"], env=environment, check=True, capture_output=True, text=True
    )
    spent = _cpu(server.pid) - before
    found = re.search(r"RESULT (\d+) (\d+) (\S+) (\S+) (\d+) (\d+)", run.stdout)
    if found is None:
        message = f"wrk said: {run.stdout}"
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
