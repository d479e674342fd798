"""The batches that the journal wrote last, kept until they are loaded: reading them back costs more than loading them.

Bounded by their size; what finds no room is read from the files. Thread-safe.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from whichstep_store.batches import Batch, JournalPosition


class Kept(NamedTuple):
    """A record of the journal."""

    end: JournalPosition
    batch: Batch | None
    """None where nothing could be read from it."""


class KeptBatches:
    """Durable batches by where they begin in the journal."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._by_start: dict[JournalPosition, Kept] = {}
        self._lock = threading.Lock()

    def keep(self, start: JournalPosition, end: JournalPosition, batch: Batch) -> None:
        """Hold a batch where there is room. Batches come in the order of the journal."""
        size = end.byte_offset - start.byte_offset
        with self._lock:
            if self._bytes + size <= self._bytes_max:
                self._by_start[start] = Kept(end, batch)
                self._bytes += size

    def at(self, start: JournalPosition) -> Kept | None:
        """Return the batch that begins there, None where it is not held."""
        with self._lock:
            return self._by_start.get(start)

    def forget_before(self, position: JournalPosition) -> None:
        """Let go of what ends at or before a position."""
        with self._lock:
            while self._by_start:
                start = next(iter(self._by_start))
                end = self._by_start[start].end
                if end > position:
                    break
                del self._by_start[start]
                self._bytes -= end.byte_offset - start.byte_offset
