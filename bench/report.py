"""Writes docs/benchmarks.md: the measurements, their targets, the machine and the date."""

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
        text = table(title, head, rows)
        print(text, flush=True)
        self.text(text)

    def text(self, paragraph: str) -> None:
        """Add a paragraph and write the page, so that a later failure loses no result."""
        self.parts.append(paragraph)
        PAGE.write_text("\n\n".join([_head(), *self.parts]) + "\n")


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table under a title."""
    lines = [f"## {title}", "", _line(head), _line(["---"] * len(head))]
    return "\n".join([*lines, *(_line(row) for row in rows)])


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of an ascending list lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _head() -> str:
    now = datetime.now(UTC)
    return f"""# Benchmarks

Written by `make bench` on {now:%Y-%m-%d %H:%M} UTC, at commit {_commit()}.
Machine: {os.cpu_count()} cores ({_processor()}), {_memory()} GB; {platform.system()}
{platform.release()}, Python {platform.python_version()}. Server and load generator (wrk, one
thread, 16 connections) share the machine, so only ratios within one run are comparable. "CPU" is
the server's own CPU time for one request.
Quizwell runs with a key, rate limits and metrics, one worker process, SQLite.

Targets in seconds or per second were set on a machine where bare uvicorn sends 47,000 constant
responses a second (every table shows its rate). On a slower machine they measure the machine, too.

The build of Python matters: one without profile-guided optimisation (pyenv's default; Debian's and
the container's are optimised) takes up to twice as long for the same Python code. Bare uvicorn,
most of which is compiled, is hardly affected.

"Seeded, rotating filters" repeats 500 draws, as a class does that plays one quiz: the drawn
questions are cached until the edition changes. With "every seed new" nothing is cached."""


def _commit() -> str:
    # The report itself changes during the run.
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
