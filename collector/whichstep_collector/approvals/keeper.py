"""The thread behind the desk: ends requests whose time has passed, and shows changes in the views and to the jobs.

Changes are on disk and answered before they come here, so nothing is lost where this is late: after a failure it tries
again, and the next start shows what is missing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from whichstep_collector.approvals.waiting import Waiting
from whichstep_collector.panics import contained
from whichstep_store.store import Store

_LOOK_SECONDS_MAX: Final = 30.0
"""While requests wait: their time is told by a clock that may be set."""
_LOOK_SECONDS_MIN: Final = 0.05
_RETRY_SECONDS: Final = 2.0
_SECOND: Final = 1_000_000_000

log = logging.getLogger("whichstep.approvals")


class ApprovalKeeper:
    """Looks after the requests of one store."""

    def __init__(self, store: Store, waiting: Waiting, *, on_shown: Callable[[], None]) -> None:
        """`on_shown` is called when changes show in the views."""
        self._store, self._waiting, self._on_shown = store, waiting, on_shown
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._shown = -1
        """The last change that shows in the views."""
        self._thread = threading.Thread(target=self._run, name="approvals", daemon=True)

    def start(self) -> None:
        """Begin with a look."""
        self._thread.start()

    def changed(self, approval_id: str) -> None:
        """Tell whoever waits for a request that it changed, and show the change soon; returns at once."""
        self._waiting.tell(approval_id)
        self._wake.set()

    def stop(self, *, timeout_seconds: float) -> None:
        """End after the look that is running."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                seconds = contained(self._look)
            except Exception:  # the next look finds the same
                log.exception("requests for approval could not be looked after; trying again")
                seconds = _RETRY_SECONDS
            self._wake.wait(seconds)
            self._stopping.wait(_LOOK_SECONDS_MIN)

    def _look(self) -> float | None:
        """Do what is due; the seconds until the next request ends by itself, None while there is none."""
        approvals = self._store.ledger.approvals
        for approval_id in approvals.expire_due():
            self._waiting.tell(approval_id)
        last = approvals.last_change()
        if last != self._shown:
            self._store.show_decisions()
            self._on_shown()
            self._shown = last
        deadline = approvals.next_deadline()
        if deadline is None:
            return None
        return min(max((deadline - approvals.now()) / _SECOND, 0.0), _LOOK_SECONDS_MAX)
