"""A defect inside a native library, Polars for one, is raised as a panic, which is no Exception.

Nothing that lives on catches it: a thread would end, a request would stay without an answer. So what runs in threads
of ours is run through `contained`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class PanicError(RuntimeError):
    """A native library panicked; the cause is the panic itself."""


def contained(work: Callable[[], Result]) -> Result:
    """What `work` returns or raises; a panic is raised as PanicError. Not for the main thread: it hides interrupts."""
    try:
        return work()
    except Exception:
        raise
    except BaseException as panic:
        raise PanicError(f"{type(panic).__name__}: {panic}") from panic
