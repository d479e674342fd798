"""Reviewers who signed in at an identity provider: short-lived tokens of their own, kept in memory as digests.

They end when their time is over, on sign-out, and with the process. Thread-safe.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from whichstep_collector.tokens import READ, REVIEW, Grant, grant, token_digest

_SESSIONS_MAX: Final = 10_000


class Sessions:
    """The sessions of one sidecar."""

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`seconds`: how long a session lasts."""
        self.seconds = seconds
        self._monotonic = monotonic
        self._kept: dict[bytes, tuple[Grant, float]] = {}
        self._lock = threading.Lock()

    def begin(self, name: str, *scopes: str, seconds: float | None = None) -> str:
        """Return the token of a new session: of a reviewer unless scopes are given, for the usual time unless told."""
        token = secrets.token_urlsafe(32)
        made = grant(token, *(scopes or (READ, REVIEW)), name=name)
        now = self._monotonic()
        with self._lock:
            self._kept = {digest: kept for digest, kept in self._kept.items() if kept[1] > now}
            if len(self._kept) >= _SESSIONS_MAX:  # the one that ends first makes room
                self._kept.pop(min(self._kept, key=lambda digest: self._kept[digest][1]))
            self._kept[made.digest] = made, now + (self.seconds if seconds is None else seconds)
        return token

    def end(self, token: str) -> None:
        """Forget a session; a token of another kind stays."""
        with self._lock:
            self._kept.pop(token_digest(token), None)

    def find(self, digest: bytes) -> Grant | None:
        """Return what the session with a token of this digest may do; None where there is none any more."""
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None and kept[1] <= self._monotonic():
                del self._kept[digest]
                return None
            return kept and kept[0]
