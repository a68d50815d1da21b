"""Writes docs/benchmarks.md: what was measured, where, when, and beside which targets."""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.load import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass
class Report:
    """Tables in the order in which they were measured."""

    parts: list[str] = field(default_factory=list)

    def table(self, title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table under a title."""
        lines = [f"## {title}", "", _line(head), _line(["---"] * len(head))]
        lines += [_line(row) for row in rows]
        print("\n".join(lines), flush=True)
        self.text("\n".join(lines))

    def text(self, words: str) -> None:
        """Add a paragraph; what was measured so far is not lost when a later measurement fails."""
        self.parts.append(words)
        PAGE.write_text("\n\n".join([_head(), *self.parts]) + "\n")


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the value below which `part` of an ascending list lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _head() -> str:
    now = datetime.now(UTC)
    return f"""# Benchmarks

Written by `make bench` on {now:%Y-%m-%d %H:%M} UTC, at commit {_commit()}.
Machine: {os.cpu_count()} cores ({_processor()}), {_memory()} GB; {platform.system()}
{platform.release()}, Python {platform.python_version()}. Server and load generator (wrk, one
thread, 16 connections) share the machine, so only ratios within one run mean anything. "CPU" is the
server's own time a request.
Quizwell runs with a key, rate limits and metrics on, one worker, SQLite.

Targets in seconds or by the second were set on a machine where bare uvicorn sends 47,000 constant
answers a second. Where it sends far fewer (it stands in every table), they say as much about the
machine as about Quizwell.

The interpreter counts: one that is built without profile-guided optimisation (as pyenv does by
default; Debian's and the container's are built with it) takes up to twice as long for the same
Python code, and bare uvicorn, most of which is compiled, does not.

"Seeded, rotating filters" asks for 500 draws again and again, as a class does that plays one quiz:
what was drawn is remembered until the edition moves. With "every seed new" each draw is planned and
made."""


def _commit() -> str:
    # The report itself changes while it is written.
    changed = _git("status", "--porcelain", "--", ".", ":!docs")
    return _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
