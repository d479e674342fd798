"""Stops a query that takes too long or too much, by calling `interrupt` from a timer thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    """The time that one query may take; `expired` says afterwards whether it was stopped."""

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds = limit_seconds
        self.expired = False

    @contextmanager
    def watching(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Calls `interrupt` once when the block takes longer than the limit."""
        timer = threading.Timer(self.limit_seconds, self._stop, [interrupt])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # an interrupt under way must not hit a cursor that is closed next

    def _stop(self, interrupt: Callable[[], None]) -> None:
        self.expired = True
        interrupt()
