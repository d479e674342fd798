"""The sidecar's own policy, as far as this process knows it: asked for once, then refreshed beside the actions.

The first action waits for the answer, 2 seconds at most; later ones never do. While the sidecar is away the last
policy that it told holds on; where it never told one, the agent's own policy decides alone.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from whichstep.approval.sidecar import Away, Sidecar
from whichstep.errors import ConfigurationError
from whichstep.policy import Policy

POLICY_PATH: Final = "/api/v1/policy"
FIRST_TIMEOUT_SECONDS: Final = 2.0
REFRESH_SECONDS: Final = 10.0
"""Age at which the next action has it asked for again."""
logger = logging.getLogger("whichstep")


class Authority:
    """Knows the sidecar's policy. Safe in any thread."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar
        self._policy: Policy | None = None
        self._asked_at: float | None = None
        self._lock = threading.Lock()
        self._refreshing = False

    @property
    def is_asked(self) -> bool:
        """Whether it was asked at all, so that `policy` answers at once."""
        return self._asked_at is not None

    def policy(self) -> Policy | None:
        """The policy that the sidecar last told; None where it has none, or could not be asked."""
        if self._asked_at is None:
            with self._lock:
                if self._asked_at is None:
                    self._ask(FIRST_TIMEOUT_SECONDS)
        elif time.monotonic() - self._asked_at > REFRESH_SECONDS:
            self.refresh()
        return self._policy

    def refresh(self) -> None:
        """Ask again, on a thread of its own."""
        if not self._refreshing:
            self._refreshing = True
            threading.Thread(target=self._refresh, name="whichstep-policy", daemon=True).start()

    def _refresh(self) -> None:
        try:
            self._ask(FIRST_TIMEOUT_SECONDS)
        finally:
            self._refreshing = False

    def _ask(self, timeout_seconds: float) -> None:
        try:
            answer = self._sidecar.get(POLICY_PATH, timeout_seconds=timeout_seconds)
        except Away as away:
            logger.info("whichstep: the policy of the sidecar could not be asked for: %s", away)
        else:
            self._take(answer.status, answer.document.get("policy"), answer.document.get("digest"))
        self._asked_at = time.monotonic()

    def _take(self, status: int, form: object, digest: object) -> None:
        if status == 200 and form is None:
            self._policy = None
        elif status == 200 and isinstance(form, dict) and (self._policy is None or self._policy.digest != digest):
            try:
                self._policy = Policy.from_dict(form)
            except ConfigurationError as error:
                # Written by a newer version: what this one cannot read must not be taken for "no policy".
                logger.warning(
                    "whichstep: the sidecar's policy cannot be read, so every action needs approval: %s", error
                )
                self._policy = Policy.from_dict({}, default="approve")
