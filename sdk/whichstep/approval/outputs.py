"""Approval of an output, not of a function: legal advice, a hiring decision. Asked for now, waited for when needed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whichstep.approval.action import ANYBODY, options_of
from whichstep.approval.admission import Admission
from whichstep.approval.call import GivenEvidence, Summary
from whichstep.approval.gate import Gate, facts
from whichstep.approval.request import Request
from whichstep.approval.state import tool_gate
from whichstep.approval.steps import ApprovalStep
from whichstep.approval.waiting import in_thread


class ApprovalRequest:
    """A request for a decision on an output. `state` is what was last known of it."""

    def __init__(self, admission: Admission | None, request: Request | None, step: ApprovalStep | None) -> None:
        self._admission, self._request, self._step = admission, request, step

    @property
    def approval_id(self) -> str | None:
        """Its id, 32 hex digits; None where the policy lets the output pass without a person."""
        return self._request.approval_id if self._request is not None else None

    @property
    def state(self) -> str:
        """pending, approved, edited, rejected, expired, cancelled or consumed; asks the sidecar while it is pending."""
        if self._request is None:
            return "approved"
        if self._request.state == "pending":
            self._request.find()
        return self._request.state

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the decision and return the output that may be used, as it was or as a person edited it.

        Args:
            timeout: Seconds to wait at most; until the request expires where it is left out.

        Raises:
            ApprovalRejected, ApprovalExpired, ApprovalUnavailable, ActionBlocked: the output must not be used.
            ApprovalPending: the time is over and nobody decided; `wait` may be called again.
        """
        if self._admission is None:
            self._admission = self._settled(timeout)
        return dict(self._admission.arguments)

    def cancel(self) -> None:
        """Withdraw the request."""
        if self._request is not None:
            self._request.cancel()
        self._end(GeneratorExit())

    def _settled(self, timeout: float | None) -> Admission:
        assert self._request is not None  # noqa: S101  there is one or the other
        request = self._request
        try:
            arguments = request.settle(timeout)
        except BaseException as error:
            if request.state != "pending":
                self._end(error)
            raise
        if self._step is not None:
            self._step.decided(request.document)
        self._end(None)
        return Admission(request.call.action, arguments, request.decision, request.approval_id)

    def _end(self, error: BaseException | None) -> None:
        step, self._step = self._step, None
        if step is not None:
            step.end(error)


class AsyncApprovalRequest(ApprovalRequest):
    """The same for coroutines: `await request.wait()`."""

    async def wait(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # noqa: ASYNC109  the sync twin's
        """Wait without blocking the event loop; see `ApprovalRequest.wait`. Cancelled, it withdraws the request."""
        wait = super().wait
        return await in_thread(lambda: wait(timeout), on_cancel=self.cancel)


def request_approval(
    action: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    evidence: GivenEvidence = None,
    summary: Summary = None,
    expires_in: str | float | None = None,
) -> ApprovalRequest:
    """Ask for a decision on an output, and go on; `wait()` on what is returned gives the output that may be used.

    Where the policy lets it pass, nobody is asked. Arguments are as for `whichstep.action`.

    Raises:
        ActionBlocked: the policy forbids it.
        ApprovalUnavailable: the request could not be created.
    """
    return ApprovalRequest(*_opened(action, arguments, evidence, summary, expires_in))


async def arequest_approval(
    action: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    evidence: GivenEvidence = None,
    summary: Summary = None,
    expires_in: str | float | None = None,
) -> AsyncApprovalRequest:
    """Ask without blocking the event loop; `await request.wait()` gives the output. Else as `request_approval`."""
    import contextvars  # noqa: PLC0415  the sync twin has no need of it

    context = contextvars.copy_context()
    opened = await in_thread(lambda: context.run(_opened, action, arguments, evidence, summary, expires_in))
    return AsyncApprovalRequest(*opened)


def _opened(
    action: str,
    arguments: Mapping[str, Any] | None,
    evidence: GivenEvidence,
    summary: Summary,
    expires_in: str | float | None,
) -> tuple[Admission | None, Request | None, ApprovalStep | None]:
    gate: Gate = tool_gate() or ANYBODY
    options = options_of(summary=summary, evidence=evidence, expires_in=expires_in)
    call = gate.call(action, dict(arguments or {}), options)
    decision = gate.decide(call.action, call.arguments, call.agent)
    if decision.runs_alone or decision.risk_level == "block":
        return gate.admit(call), None, None
    call = replace(call, approval_id=uuid.uuid4().hex)
    request = gate.request(call, decision)
    step = ApprovalStep(call, decision, request.approval_id)
    step.begin()
    try:
        with step.current():
            request.create(facts(step, call))
    except BaseException as error:
        step.end(error)
        raise
    return None, request, step
