"""Waits for the decision on requests that a framework has stopped for; for the helpers that make a run go on.

What was decided is used by the tool itself when it runs, not here.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from whichstep.approval.connection import connection
from whichstep.approval.request import APPROVALS_PATH, AWAY_PAUSE_SECONDS, CALL_TIMEOUT_SECONDS, POLL_SECONDS
from whichstep.approval.sidecar import Away
from whichstep.errors import ApprovalPending, ApprovalUnavailable
from whichstep.execution import Execution, Identity
from whichstep.recording import current_execution

AWAY_SECONDS_MAX: Final = 300.0
"""For which a sidecar that restarts, or is moved, is waited for."""
USABLE: Final = frozenset({"approved", "edited"})


def decided(approval_id: str, timeout_seconds: float | None = None) -> dict[str, Any]:
    """The request once it is decided, expired or withdrawn.

    Raises:
        ApprovalPending: `timeout_seconds` are over and nobody decided.
        ApprovalUnavailable: the sidecar does not know the request, or is away for five minutes.
    """
    until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    heard_at = time.monotonic()
    while True:
        left = POLL_SECONDS if until is None else min(POLL_SECONDS, until - time.monotonic())
        document, why = _read(approval_id, max(left, 0.0))
        if document is not None:
            heard_at = time.monotonic()
            if document.get("state") != "pending":
                return document
        if until is not None and time.monotonic() >= until:
            raise ApprovalPending(f"nobody has decided on {approval_id} yet", approval_id)
        if time.monotonic() - heard_at > AWAY_SECONDS_MAX:
            raise ApprovalUnavailable(f"the decision on {approval_id} cannot be read: {why}")
        if document is None:
            time.sleep(AWAY_PAUSE_SECONDS)


def refusal(document: Mapping[str, Any]) -> str | None:
    """Why an action must not run, as the model is told; None where it may."""
    action, state = document.get("action"), document.get("state")
    if state in USABLE:
        return None
    if state == "expired":
        return f"nobody decided on {action} in time; it did not run"
    if state == "consumed":
        return f"the decision on {action} was used before; it does not run again"
    who = f" by {document['decided_by']}" if document.get("decided_by") else ""
    why = f": {document['notes']}" if document.get("notes") else ""
    return f"{action} was {state}{who}{why}; it did not run"


@contextlib.contextmanager
def execution_of(document: Mapping[str, Any], *, session: str | None = None) -> Iterator[None]:
    """Record what runs inside as the execution that asked, also in another process; inside one, as that one."""
    execution_id = document.get("execution_id")
    if current_execution() is not None or not isinstance(execution_id, str):
        yield
        return
    name = str(document.get("task_type") or document.get("agent") or document.get("action"))
    identity = Identity(
        execution_id=execution_id, session=session, id=document.get("task"), user=document.get("requester")
    )
    with Execution(name, {}, (), identity):
        yield


def _read(approval_id: str, wait_seconds: float) -> tuple[dict[str, Any] | None, str]:
    try:
        answer = connection().sidecar.get(
            f"{APPROVALS_PATH}/{approval_id}?wait={wait_seconds:.0f}",
            timeout_seconds=wait_seconds + CALL_TIMEOUT_SECONDS,
        )
    except Away as away:
        return None, str(away)
    if answer.status == 200:
        return answer.document, ""
    if answer.is_final:
        raise ApprovalUnavailable(f"the decision on {approval_id} cannot be read: {answer.detail}")
    return None, answer.detail


def exists(approval_id: str) -> bool:
    """Whether there is a request of this id.

    Raises:
        ApprovalUnavailable: the sidecar is away for five minutes.
    """
    began = time.monotonic()
    while time.monotonic() - began < AWAY_SECONDS_MAX:
        with contextlib.suppress(Away):
            answer = connection().sidecar.get(f"{APPROVALS_PATH}/{approval_id}", timeout_seconds=CALL_TIMEOUT_SECONDS)
            if answer.is_final:
                return answer.status == 200
        time.sleep(AWAY_PAUSE_SECONDS)
    raise ApprovalUnavailable(f"the request {approval_id} cannot be looked for: the sidecar is away")
