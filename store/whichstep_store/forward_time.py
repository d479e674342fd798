"""Time that never goes back, for deadlines: a clock that is set back does not give a request its time again.

Follows the clock forward; where the clock is set back, it goes on at the pace of the monotonic clock. Begins at the
latest time that was ever written down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class ForwardTime:
    """Nanoseconds since the epoch, growing. Any number of threads may ask."""

    def __init__(
        self, clock: Callable[[], int], *, latest: int = 0, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """`latest` is the high-water mark of before; both clocks give nanoseconds."""
        self._clock, self._monotonic = clock, monotonic
        self._latest, self._asked_at = latest, monotonic()
        self._lock = threading.Lock()

    def now(self) -> int:
        """The time."""
        with self._lock:
            asked_at = self._monotonic()
            passed = max(asked_at - self._asked_at, 0)
            self._asked_at = asked_at
            clock = self._clock()
            if clock < self._latest:
                clock = self._latest + passed
            self._latest = clock
            return clock
