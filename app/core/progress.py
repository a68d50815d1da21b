"""Shows the progress of long work to people: a bar on a terminal, otherwise occasional lines."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_SECONDS = 5.0

WriteLine = Callable[[str], None]


class ProgressUpdate(NamedTuple):
    """The progress at one moment: `done` of `total` items, None for an unknown total.

    `label` describes the bar. `line` is the whole text where there is no terminal; None writes
    nothing.
    """

    done: int
    total: int | None
    label: str
    line: str | None


ShowProgress = Callable[[ProgressUpdate], None]


@contextmanager
def progress_display(label: str, write_line: WriteLine) -> Iterator[ShowProgress]:
    """Yield a function that shows a ProgressUpdate; the bar is removed when the block ends.

    `label` describes the bar until the first update.

    Without a terminal on standard error, lines go to `write_line`, at most one every LINE_SECONDS.
    """
    if not sys.stderr.isatty():
        yield _line_display(write_line)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)

        def show(update: ProgressUpdate) -> None:
            bar.update(task, description=update.label, completed=update.done, total=update.total)

        yield show


def _line_display(write_line: WriteLine) -> ShowProgress:
    written_at = time.monotonic()

    def show(update: ProgressUpdate) -> None:
        nonlocal written_at
        if update.line is not None and time.monotonic() - written_at >= LINE_SECONDS:
            written_at = time.monotonic()
            write_line(update.line)

    return show
