"""Compares the speed of this tree with another commit: `make bench BASE=<commit>`."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.load import (
    PORT,
    ROOT,
    Load,
    Work,
    load,
    medians,
    ratios,
    serving_checkout,
    wait_until_idle,
)
from bench.prepared import KEY, PreparedBank
from bench.report import table
from bench.works import request_paths

COUNT = int(os.environ.get("BENCH_COMPARED_SIZE", "100000"))
ROUNDS = int(os.environ.get("BENCH_COMPARED_ROUNDS", "9"))
ROUND_SECONDS = 2
READY_PATH = "/v1/questions?limit=1"
PREPARE_SECONDS = 600
# Runs in either tree, so it uses only names that both have. The first commits say `prepare`.
PREPARE = """
import json, sys
from pathlib import Path
from bench import prepared
prepare = getattr(prepared, "prepare_bank", None) or prepared.prepare
bank = prepare(Path(sys.argv[1]), int(sys.argv[2]))
print(json.dumps({"rate": bank.import_rate, "ids": bank.ids}))
"""
HEAD = ("", "base, requests/s", "this tree", "median ratio", "lowest", "highest", "CPU ratio")


def compare(base: str) -> None:
    """Print, for each kind of request, how fast this tree is in relation to the commit `base`."""
    with (
        tempfile.TemporaryDirectory(prefix="quizwell-bench-") as name,
        _checked_out(base, Path(name) / "base") as tree,
    ):
        folder = Path(name)
        old = _prepare(tree, folder / "bank-base")
        new = _prepare(ROOT, folder / "bank-here")
        rows = _measure(tree, old, new, folder)
    title = f"This tree in relation to {base}, {COUNT:,} questions, {ROUNDS} rounds"
    print(table(title, HEAD, rows), flush=True)
    print(
        "\nA ratio above 1 means that this tree serves more requests a second, or uses more CPU "
        f"for one.\nImport: base {old.import_rate:,.0f} questions/s, "
        f"this tree {new.import_rate:,.0f}."
    )


@contextmanager
def _checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """Give a temporary worktree at `commit`."""
    _git("worktree", "add", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        _git("worktree", "remove", "--force", str(folder))


def _git(*arguments: str) -> None:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"bench: git {' '.join(arguments[:2])} failed: {run.stderr.strip()}")


def _prepare(tree: Path, folder: Path) -> PreparedBank:
    """Import the generated bank with the tree's own code, into a database of its own."""
    print(f"Preparing {COUNT:,} questions with {tree} …", file=sys.stderr, flush=True)
    run = subprocess.run(
        [sys.executable, "-c", PREPARE, str(folder), str(COUNT)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PREPARE_SECONDS,
        check=True,
    )
    made = json.loads(run.stdout.splitlines()[-1])
    return PreparedBank(COUNT, folder, made["rate"], made["ids"])


def _measure(
    tree: Path, old: PreparedBank, new: PreparedBank, folder: Path
) -> list[tuple[str, ...]]:
    rows = []
    with (
        serving_checkout(tree, READY_PATH, old.environment, PORT) as base,
        serving_checkout(ROOT, READY_PATH, new.environment, PORT + 1) as here,
    ):
        for server in (base, here):
            wait_until_idle(server)
        new_paths = request_paths(new)
        for kind, paths in request_paths(old).items():
            servers = [Work(base, paths, KEY), Work(here, new_paths[kind], KEY)]
            before, after = load(servers, folder, ROUNDS, ROUND_SECONDS)
            rows.append((kind, *_cells(before, after)))
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    return rows


def _cells(before: list[Load], after: list[Load]) -> tuple[str, ...]:
    each = ratios(after, before)
    failed = sum(result.failed for result in (*before, *after))
    cpu = medians(after).cpu / medians(before).cpu
    return (
        f"{medians(before).rate:,.0f}",
        f"{medians(after).rate:,.0f}",
        f"{median(each):.3f}" + (f" ({failed} failed)" if failed else ""),
        f"{min(each):.3f}",
        f"{max(each):.3f}",
        f"{cpu:.3f}",
    )
