"""Runs the jobs that the composition root hands in, one round at a time, for as long as the sidecar lives.

A round says in how many seconds it wants the next one. Newly loaded rows bring the next round forward. A round that
fails is said once, counted and repeated: jobs compute from stored rows, so nothing is lost by doing so later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from whichstep_collector.counters import Counters
from whichstep_collector.panics import contained

# Rounds closer than this share too little work to be worth it.
_SECONDS_BETWEEN_MIN: Final = 0.25
_RETRY_SECONDS_MAX: Final = 30.0

log = logging.getLogger("whichstep.jobs")


class JobThread:
    """The thread of the jobs."""

    def __init__(self, tick: Callable[[], float], *, counters: Counters) -> None:
        """`tick` does what is due and returns the seconds until it wants to run again."""
        self._tick, self._counters = tick, counters
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin with a round."""
        self._thread.start()

    def wake(self) -> None:
        """Bring the next round forward."""
        self._wake.set()

    def stop(self, *, timeout_seconds: float) -> None:
        """End after the round that is running."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                wait = contained(self._tick)
            except Exception:  # a job that fails must not end the others, nor the sidecar
                failures += 1
                wait = min(2.0**failures, _RETRY_SECONDS_MAX)
                self._counters.add("whichstep_job_failures_total")
                if failures == 1:
                    log.exception("a round of the jobs failed and is repeated")
            else:
                failures = 0
                self._counters.add("whichstep_job_ticks_total")
            self._rest(wait, started, woken=failures == 0)

    def _rest(self, seconds: float, started: float, *, woken: bool) -> None:
        """Wait for so long, or until woken, but never run rounds in a row without a breath."""
        if woken:
            self._wake.wait(max(seconds, 0))
        earliest = started + (_SECONDS_BETWEEN_MIN if woken else seconds)
        self._stopping.wait(max(earliest - time.monotonic(), 0))
        self._wake.clear()
