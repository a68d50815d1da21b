"""Runs a function in a new process, which ends when the calling process stops or dies."""

import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

POLL_SECONDS = 0.1
STOP_TIMEOUT_SECONDS = 5.0

T = TypeVar("T")


def run_in_subprocess(
    work: Callable[[T, threading.Event], None], argument: T, stopping: threading.Event
) -> bool:
    """Run `work(argument, stopping)` in a new process; return False if that process failed.

    `work` is a function of a module. Its `stopping` event is set when the caller's is set, or when
    the calling process dies; it must then return soon, or it is killed.
    """
    context = multiprocessing.get_context("spawn")
    connection, child_connection = context.Pipe()
    # Not daemonic: a daemonic process may not start the worker process of a batch pool.
    process = context.Process(target=_run, args=(work, argument, child_connection), name="import")
    process.start()
    child_connection.close()
    while process.is_alive() and not stopping.wait(POLL_SECONDS):
        pass
    connection.close()
    process.join(STOP_TIMEOUT_SECONDS)
    if process.is_alive():
        # Its current transaction is rolled back.
        process.kill()
        process.join()
    return process.exitcode == 0 or stopping.is_set()


def _run(work: Callable[[T, threading.Event], None], argument: T, connection: Connection) -> None:
    # Ctrl+C stops the parent process, which then stops this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping = threading.Event()

    def watch_parent() -> None:
        # Nothing is ever sent: receiving ends when the parent closes its side or dies.
        try:
            connection.recv()
        except (EOFError, OSError):
            stopping.set()

    threading.Thread(target=watch_parent, name="watch-parent", daemon=True).start()
    work(argument, stopping)
