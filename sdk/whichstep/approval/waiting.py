"""Blocking work beside an event loop: a thread of its own each, so that many waits starve nobody's pool."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], *, on_cancel: Callable[[], object] | None = None) -> T:
    """The result of blocking work, without blocking the loop.

    Cancelled, `on_cancel` is called on a thread of its own, and the work is left to end by itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def run() -> None:
        try:
            value, error = work(), None
        except BaseException as raised:  # noqa: BLE001  raised again where it is awaited
            value, error = None, raised
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_settle, future, value, error)

    threading.Thread(target=run, name="whichstep-approval", daemon=True).start()
    try:
        found: T = await future
    except asyncio.CancelledError:
        if on_cancel is not None:
            threading.Thread(target=on_cancel, name="whichstep-approval", daemon=True).start()
        raise
    return found


def _settle(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
