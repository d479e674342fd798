"""The dashboard as a supervised child: started, watched, started again when it ends, and never left behind.

One thread owns the child for the whole life of the process; the kernel tells the child when its parent is gone
(`child.py`), however the parent ended. Waiting costs no CPU: the thread sleeps in wait() while the child runs.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final

from whichstep_cli import child as child_program
from whichstep_dashboards import serve

log = logging.getLogger("whichstep.dashboard")

BACK_OFF_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_SECONDS: Final = 60.0
"""A child that lived this long was well: the next back-off starts from the beginning."""
READY_SECONDS_MAX: Final = 30.0
STOP_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """Where the dashboard listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for a browser."""
        return f"http://{self.host}:{self.port}"


class Dashboard:
    """The child and the thread that looks after it."""

    def __init__(self, place: Place, *, endpoint: str, token: str | None, login: str | None = None) -> None:
        self.place = place
        self._command = serve.command(host=place.host, port=place.port, endpoint=endpoint, token=token, login=login)
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._supervise, name="dashboard", daemon=True)

    def start(self) -> None:
        """Start the child; returns at once."""
        self._thread.start()

    def wait_until_ready(self, seconds: float = READY_SECONDS_MAX) -> bool:
        """Whether the dashboard took connections within that time."""
        return self._ready.wait(seconds)

    def stop(self) -> None:
        """End the child and its thread; returns when both are gone."""
        self._stopping.set()
        with self._lock:
            if self._child is not None:
                _end(self._child)
        self._thread.join(STOP_SECONDS + 1)

    def _supervise(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_child()
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - started > STEADY_SECONDS else failures + 1
            pause = BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS)) - 1]
            log.warning("the dashboard ended with code %s; starting it again in %s s", code, pause)
            self._stopping.wait(pause)

    def _run_child(self) -> int:
        """Run one child to its end and return its exit code."""
        argv = [sys.executable, "-I", "-S", child_program.__file__, *self._command.argv]
        with self._lock:
            if self._stopping.is_set():
                return 0
            child = subprocess.Popen(  # noqa: S603 (our own command)
                argv,
                env=dict(self._command.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C on the terminal is ours: a child that ended by it would be started again
            )
            self._child = child
        while child.poll() is None and not self._stopping.is_set() and not self._ready.is_set():
            if answers(self.place):
                self._ready.set()
            else:
                self._stopping.wait(_POLL_SECONDS)
        return child.wait()


def answers(place: Place) -> bool:
    """Whether a dashboard takes connections there now."""
    connection = HTTPConnection(place.host, place.port, timeout=1)
    try:
        connection.request("GET", serve.HEALTH_PATH)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
