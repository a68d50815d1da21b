"""Decides which imports run in processes of their own, and in how many."""

import multiprocessing
import os

from app.core.settings import Settings
from app.transfer.models import ImportJob

# Starting a process takes as long as importing this many bytes.
MIN_PROCESS_BYTES = 16_000_000


def is_worth_a_process(job: ImportJob) -> bool:
    """Return whether the import is long enough for another process, and may start one."""
    is_long = job.size - job.next_offset >= MIN_PROCESS_BYTES
    # A daemonic process may not start others.
    return is_long and not multiprocessing.current_process().daemon


def wants_batch_pool(settings: Settings, job: ImportJob) -> bool:
    """Return whether a second process would make the import faster."""
    may_use_two = (os.cpu_count() or 1) > 1 and settings.import_processes > 1
    return may_use_two and is_worth_a_process(job)
