"""Memory that nobody needs any more goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of mallopt(3)
_LARGE = 1024 * 1024  # bytes


@cache
def give_back_arrays() -> None:
    """Has glibc map what is larger than a megabyte on its own, once a process; elsewhere nothing is done.

    By itself it raises that bound up to 32 MB as large blocks are freed, and puts the following ones among the small:
    a column of a million figures that is freed there leaves a hole, and the process as large as before.
    """
    _call("mallopt", _MMAP_THRESHOLD, _LARGE)


def give_back_freed() -> None:
    """Has glibc give back the pages among its small pieces that are free: it keeps them all but the last."""
    _call("malloc_trim", 0)


def _call(name: str, *numbers: int) -> None:
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)  # other C libraries have none, nor the habit
        if function is not None:
            function(*numbers)
