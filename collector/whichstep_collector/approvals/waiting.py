"""Who waits for which request, and how they are told: agents in the event loop, changes from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Waiting:
    """Events of those who wait, by the id of the request. Thread-safe."""

    def __init__(self) -> None:
        self._events: defaultdict[str, dict[asyncio.Event, asyncio.AbstractEventLoop]] = defaultdict(dict)
        self._lock = threading.Lock()
        self.closed = False

    @contextmanager
    def on(self, approval_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the request changes, for the block; begin it before the first look."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._lock:
            self._events[approval_id][event] = loop
        try:
            yield event
        finally:
            with self._lock:
                waiters = self._events[approval_id]
                del waiters[event]
                if not waiters:
                    del self._events[approval_id]

    def tell(self, approval_id: str) -> None:
        """Wake those who wait for this request."""
        with self._lock:
            waiters = list(self._events[approval_id].items()) if approval_id in self._events else []
        for event, loop in waiters:
            _wake(event, loop)

    def close(self) -> None:
        """Wake everybody; from now on nobody waits."""
        self.closed = True
        with self._lock:
            waiters = [pair for events in self._events.values() for pair in events.items()]
        for event, loop in waiters:
            _wake(event, loop)

    def count(self) -> int:
        """How many wait now."""
        with self._lock:
            return sum(len(events) for events in self._events.values())


def _wake(event: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.call_soon_threadsafe(event.set)
    except RuntimeError:  # the loop has ended, and with it whoever waited
        return
