"""Returns memory to the operating system after a load."""

import ctypes


def release_free_memory() -> None:
    """Return freed memory to the system if the C library can (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
