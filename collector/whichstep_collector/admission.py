"""Whether a request may come in: bytes held at once, space on the disk, and whether the sidecar is stopping.

A request is admitted before its body is read and leaves when it is answered. What is refused here is retryable and
costs nothing. Thread-safe.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from whichstep_collector.refusals import BUSY, DISK_FULL, STOPPING, Refused

# What a request costs beside its body, so that many empty ones are bounded too.
REQUEST_OVERHEAD_BYTES: Final = 4096
_DISK_CHECK_SECONDS: Final = 0.25


class Admission:
    """Counts what is in flight and says no in time."""

    def __init__(
        self,
        data_dir: Path,
        *,
        in_flight_bytes_max: int,
        disk_free_bytes_min: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Limits are bytes; the disk is the one that holds `data_dir`, looked at four times a second at most."""
        self._data_dir = data_dir
        self._in_flight_bytes_max = in_flight_bytes_max
        self._disk_free_bytes_min = disk_free_bytes_min
        self._monotonic = monotonic
        self._in_flight_bytes = self._requests = 0
        self._stopping = False
        self._disk_free_bytes, self._disk_checked_at = 0, -1.0
        self._changed = threading.Condition()

    def enter(self, size: int) -> int:
        """Admit a request of so many bytes and return what it holds, to be handed to `leave`.

        A single request larger than the limit is admitted when nothing else is in flight.

        Raises:
            Refused: STOPPING, DISK_FULL or BUSY.
        """
        held = size + REQUEST_OVERHEAD_BYTES
        with self._changed:
            if self._stopping:
                raise Refused(STOPPING)
            if self._free_bytes() < self._disk_free_bytes_min:
                raise Refused(DISK_FULL)
            if self._requests and self._in_flight_bytes + held > self._in_flight_bytes_max:
                raise Refused(BUSY)
            self._in_flight_bytes += held
            self._requests += 1
        return held

    def leave(self, held: int) -> None:
        """Give back what a request held."""
        with self._changed:
            self._in_flight_bytes -= held
            self._requests -= 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Refuse whatever comes from now on."""
        with self._changed:
            self._stopping = True

    def wait_until_idle(self, *, timeout_seconds: float) -> bool:
        """Return whether everything in flight was answered within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._requests == 0, timeout_seconds)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def in_flight_bytes(self) -> int:
        """Return the bytes held now."""
        return self._in_flight_bytes

    def disk_free_bytes(self) -> int:
        """Return the free space, at most a quarter of a second old."""
        with self._changed:
            return self._free_bytes()

    def disk_is_full(self) -> bool:
        """Return whether the free space is below the limit."""
        return self.disk_free_bytes() < self._disk_free_bytes_min

    def _free_bytes(self) -> int:
        now = self._monotonic()
        if self._disk_checked_at < 0 or now - self._disk_checked_at >= _DISK_CHECK_SECONDS:
            disk = os.statvfs(self._data_dir)
            self._disk_free_bytes, self._disk_checked_at = disk.f_bavail * disk.f_frsize, now
        return self._disk_free_bytes
