"""uvicorn's server without its tick: it sleeps until a request comes or it is asked to end.

uvicorn looks ten times a second whether it shall end: 0.22 % of a core for every process that waits (one minute idle,
2026-11, 2 cores). Its date header, its limit of requests and its notifications hang on that look; all are off here.
Imports uvicorn alone: the dashboard's process is served by it too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import FrameType

import uvicorn


class QuietServer(uvicorn.Server):
    """One server; `ask_to_end`, SIGTERM or SIGINT end it at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        """The config's `date_header` must be off, `limit_max_requests` and `callback_notify` unset."""
        super().__init__(config)
        self._asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask_to_end(self) -> None:
        """Begin to end; from any thread."""
        self.should_exit = True
        if self._loop:
            with suppress(RuntimeError):  # the loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._asked.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end because of a signal."""
        super().handle_exit(sig, frame)
        self.ask_to_end()

    async def main_loop(self) -> None:
        """Sleep until asked to end."""
        self._loop = asyncio.get_running_loop()  # before the look: who asks from now on wakes us
        self.server_state.default_headers = self.config.encoded_headers
        if not self.should_exit:
            await self._asked.wait()
