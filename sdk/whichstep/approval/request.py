"""One request for a decision: created, waited for, checked again, used once. Blocking; callers choose the thread.

Exactly once: the sidecar hands an approved action out a single time (`consume`), bound to the digest of what it is for.
Where no answer to that comes, the action does not run. What a person edited is judged again before it runs.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from whichstep.approval import arguments as bounded
from whichstep.approval.call import Call
from whichstep.approval.sidecar import Answer, Away, Sidecar
from whichstep.errors import ActionBlocked, ApprovalExpired, ApprovalPending, ApprovalRejected, ApprovalUnavailable
from whichstep.policy import Decision

if TYPE_CHECKING:
    from whichstep.redaction import Redactor

APPROVALS_PATH: Final = "/api/v1/approvals"
CALL_TIMEOUT_SECONDS: Final = 5.0
PAUSES_SECONDS: Final = (0.2, 0.6, 1.5)
"""Between the attempts of a short call: a sidecar that restarts is back by then."""
POLL_SECONDS: Final = 25.0
"""How long the sidecar may hold a question until there is a decision; proxies cut at 30."""
AWAY_PAUSE_SECONDS: Final = 1.0
RULE_CHARACTERS_MAX: Final = 500
GRACE_SECONDS: Final = 60.0
"""Beyond the expiry for which a sidecar that is away is waited for."""
DECIDED: Final = frozenset({"approved", "edited"})


class Request:
    """A request for a decision on one call. `state` is what the sidecar said last."""

    def __init__(
        self,
        call: Call,
        decision: Decision,
        sidecar: Sidecar,
        redactor: Redactor,
        decide: Callable[[Mapping[str, Any]], Decision],
    ) -> None:
        """`decide` judges other arguments of the same action, by the policy as it is then."""
        self.call, self.decision = call, decision
        self.approval_id = call.approval_id or ""
        self.document: dict[str, Any] = {}
        self._sidecar, self._decide = sidecar, decide
        self._digest = bounded.digest(call.arguments)
        self._sent = bounded.sendable(call.arguments, redactor)
        asked, allowed = call.options.expires_in_seconds, decision.expires_in_seconds
        self.expires_in_seconds = allowed if asked is None else min(asked, allowed)
        self._consumer = uuid.uuid4().hex
        self._give_up_at = time.monotonic() + self.expires_in_seconds + GRACE_SECONDS
        self._cancelled = threading.Event()

    @property
    def state(self) -> str:
        """pending, approved, edited, rejected, expired, cancelled or consumed; pending before it was created."""
        return str(self.document.get("state", "pending"))

    @property
    def arguments_digest(self) -> str:
        """The digest to which the decision is bound."""
        return self._digest

    def create(self, facts: Mapping[str, Any]) -> None:
        """Put the request into the inbox; the same id again is the same request.

        Raises:
            ActionBlocked: the sidecar's policy forbids the action.
            ApprovalUnavailable: it could not be created.
        """
        decision, call = self.decision, self.call
        body = {
            "approval_id": self.approval_id,
            "action": call.action,
            "arguments": self._sent,
            "arguments_digest": self._digest,
            "arguments_schema": call.schema() if call.schema is not None else None,
            "summary": call.summary,
            "risk_level": decision.risk_level,
            "rule": decision.rule[:RULE_CHARACTERS_MAX],
            "policy_digest": decision.policy_digest,
            "reviewers": list(decision.reviewers),
            "quorum": decision.quorum,
            "requester_may_review": decision.requester_may_review,
            "agent": call.agent,
            "expires_in_seconds": self.expires_in_seconds,
            **facts,
        }
        answer = self._told(APPROVALS_PATH, body)
        if answer.status == 403 and "rule" in answer.document:
            raise ActionBlocked(f"{call.action} is blocked by the sidecar's policy: {answer.detail}; it did not run")
        self._take(answer, "created")

    def find(self) -> bool:
        """Whether a request of this id exists already; then `state` says what became of it.

        Raises:
            ApprovalUnavailable: the sidecar could not be asked.
        """
        answer = self._answered(lambda: self._sidecar.get(self._path(), timeout_seconds=CALL_TIMEOUT_SECONDS))
        if answer.status == 404:
            return False
        self._take(answer, "read")
        return True

    def settle(self, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Wait for the decision, use it, and return the arguments that may be run now, once.

        Raises:
            ApprovalRejected, ApprovalExpired: nothing runs.
            ActionBlocked: the policy forbids the action as it was edited, or by now.
            ApprovalPending: the time given is over.
            ApprovalUnavailable: the sidecar is away for too long, or the decision was used before.
        """
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while self.state == "pending":
            self._poll(until)
        self._refuse_unless_decided()
        edited = self.document.get("edited_arguments") if self.state == "edited" else None
        decided = edited if isinstance(edited, Mapping) else None
        proposed = dict(self.call.arguments) if decided is None else self._changed(decided)
        again = self._decide(proposed)
        if again.risk_level == "block":
            self.cancel()
            raise ActionBlocked(f"{self.call.action} may not run as it was decided: {again.reason}; it did not run")
        return self._consume(self._digest if decided is None else bounded.digest(decided), proposed)

    def cancel(self) -> None:
        """Withdraw the request and stop waiting; a sidecar that is away lets it expire."""
        self._cancelled.set()
        try:
            self._sidecar.post(self._path("cancel"), {}, timeout_seconds=CALL_TIMEOUT_SECONDS)
        except Away:
            return

    # How it talks to the sidecar.

    def _poll(self, until: float | None) -> None:
        if self._cancelled.is_set():
            raise asyncio.CancelledError
        left = POLL_SECONDS if until is None else min(POLL_SECONDS, until - time.monotonic())
        if left <= 0:
            raise ApprovalPending(
                f"{self.call.action} still waits for a decision ({self.approval_id})", self.approval_id
            )
        try:
            answer = self._sidecar.get(f"{self._path()}?wait={left:.0f}", timeout_seconds=left + CALL_TIMEOUT_SECONDS)
        except Away as away:
            self._bear(str(away))
            return
        if answer.status == 200:
            self.document = answer.document
        elif answer.is_final:
            raise self._unavailable(f"the decision cannot be read: {answer.detail}")
        else:
            self._bear(answer.detail)

    def _bear(self, why: str) -> None:
        """A sidecar that restarts comes back with the decision: waited for until the request has expired."""
        if time.monotonic() > self._give_up_at:
            raise self._unavailable(f"the sidecar is away since before the request expired ({why})")
        self._cancelled.wait(AWAY_PAUSE_SECONDS)

    def _consume(self, digest: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Use the decision. Asking again as the same consumer, where an answer was lost, is the same use."""
        body = {"arguments_digest": digest, "consumer": self._consumer}
        answer = self._told(self._path("consume"), body)
        if answer.status == 410:
            raise ApprovalExpired(
                f"{self.call.action} was approved, but not run in time; it did not run", self.approval_id
            )
        if answer.status != 200:
            raise self._unavailable(f"the decision cannot be used: {answer.detail}")
        self.document = {**self.document, "state": "consumed"}
        return arguments

    def _changed(self, decided: Mapping[str, Any]) -> dict[str, Any]:
        shown = self.document.get("arguments")  # the sidecar may know more secrets than we do
        return bounded.to_run(self.call.arguments, shown if isinstance(shown, Mapping) else self._sent, decided)

    def _refuse_unless_decided(self) -> None:
        who = f" by {self.document['decided_by']}" if self.document.get("decided_by") else ""
        notes = self.document.get("notes")
        action, state = self.call.action, self.state
        if state in DECIDED:
            return
        if state == "expired":
            raise ApprovalExpired(f"nobody decided on {action} in time; it did not run", self.approval_id)
        if state in {"rejected", "cancelled"}:
            why = f": {notes}" if notes else ""
            raise ApprovalRejected(f"{action} was {state}{who}{why}; it did not run", self.approval_id, notes)
        raise self._unavailable(f"the decision was used before (state {state})")

    def _told(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self._answered(lambda: self._sidecar.post(path, body, timeout_seconds=CALL_TIMEOUT_SECONDS))

    def _answered(self, ask: Callable[[], Answer]) -> Answer:
        why = ""
        for pause in (0.0, *PAUSES_SECONDS):
            self._cancelled.wait(pause)
            try:
                answer = ask()
            except Away as away:
                why = str(away)
                continue
            if answer.is_final:
                return answer
            why = answer.detail
        raise self._unavailable(f"no answer from {self._sidecar.endpoint} ({why})")

    def _take(self, answer: Answer, verb: str) -> None:
        if answer.status not in {200, 201}:
            raise self._unavailable(f"the request for approval could not be {verb}: {answer.detail}")
        self.document = answer.document

    def _unavailable(self, why: str) -> ApprovalUnavailable:
        return ApprovalUnavailable(
            f"{self.call.action} needs approval, and {why}; it did not run. "
            "Is the sidecar running (`whichstep up`), and does WHICHSTEP_ENDPOINT name it?"
        )

    def _path(self, verb: str = "") -> str:
        return f"{APPROVALS_PATH}/{self.approval_id}{f'/{verb}' if verb else ''}"
