"""Runs work in a process of its own, which ends when whoever started it stops or dies."""

import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

LOOK_SECONDS = 0.1
END_SECONDS = 5.0

T = TypeVar("T")


def run_apart(
    work: Callable[[T, threading.Event], None], given: T, stopping: threading.Event
) -> bool:
    """Run `work(given, its own stopping)` in a new process to its end; False where it failed.

    `work` is a function of a module, and ends soon once `stopping` is set here.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # Not as a daemon, which could start no process itself.
    process = context.Process(target=_serve, args=(work, given, theirs), name="import")
    process.start()
    theirs.close()
    while process.is_alive() and not stopping.wait(LOOK_SECONDS):
        pass
    ours.close()
    process.join(END_SECONDS)
    if process.is_alive():
        # Whatever it is in the middle of is one transaction, of which nothing is left.
        process.kill()
        process.join()
    return process.exitcode == 0 or stopping.is_set()


def _serve(work: Callable[[T, threading.Event], None], given: T, connection: Connection) -> None:
    # Ctrl+C stops the one that started this, which then stops this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping = threading.Event()

    def watch() -> None:
        # Nothing is ever sent: the other end closes, or its process dies.
        try:
            connection.recv()
        except (EOFError, OSError):
            stopping.set()

    threading.Thread(target=watch, name="watch", daemon=True).start()
    work(given, stopping)
