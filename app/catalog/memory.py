"""Gives memory back to the system after a load, which leaves much of it free but held."""

import ctypes


def release() -> None:
    """Return free memory to the system, where the C library can (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
