"""Stops a query that takes too long or too much, by interrupting it from a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from whichstep_store.errors import StoreUnavailable

_LOOK_SECONDS: Final = 0.05


class Stopwatch:
    """What one query may take; `reason` says afterwards why it was stopped, None when it was not."""

    def __init__(self, *, time_limit_seconds: float, memory_limit_bytes: int) -> None:
        self._time_limit_seconds = time_limit_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._done = threading.Event()
        self.reason: str | None = None

    @contextmanager
    def watching(self, interrupt: Callable[[], None], used_bytes: Callable[[], int]) -> Iterator[None]:
        """Calls `interrupt` when the block takes longer, or `used_bytes` grows by more, than the limits.

        Memory is that of all queries together, as DuckDB counts no other: beside a hungry one, a modest one may be
        stopped.
        """
        before = used_bytes()
        watcher = threading.Thread(target=self._watch, args=(interrupt, used_bytes, before), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._done.set()
            watcher.join()  # an interrupt under way must not hit a cursor that is closed next

    def _watch(self, interrupt: Callable[[], None], used_bytes: Callable[[], int], before: int) -> None:
        deadline = time.monotonic() + self._time_limit_seconds
        while not self._done.wait(min(_LOOK_SECONDS, max(deadline - time.monotonic(), 0.001))):
            self.reason = self.reason or self._exceeded(deadline, used_bytes, before)
            if self.reason is not None:
                interrupt()  # again and again: one that comes between two steps of a query is lost

    def _exceeded(self, deadline: float, used_bytes: Callable[[], int], before: int) -> str | None:
        if time.monotonic() >= deadline:
            return f"stopped after {self._time_limit_seconds:g} s; narrow the query by started_at, or aggregate"
        try:
            used = used_bytes() - before
        except StoreUnavailable:
            return None  # the store is being reopened, which ends the query by itself
        if used > self._memory_limit_bytes:
            return (
                f"stopped at {self._memory_limit_bytes >> 20} MiB of memory; narrow the query, or sort and group less"
            )
        return None
