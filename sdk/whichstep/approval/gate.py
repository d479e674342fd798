"""What becomes of one action: it runs, it runs marked, it waits for a person, or it never runs.

The stricter of two policies decides: the one of this process (none: the sidecar's alone) and the sidecar's. Where
neither is known, a person is asked, as for every action that no rule names.
"""

from __future__ import annotations

import contextvars
import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from whichstep import attributes as names
from whichstep import integrations
from whichstep.approval import evidence
from whichstep.approval.admission import ADMISSION_KEY, Admission, marks
from whichstep.approval.call import Call, Options, Schema
from whichstep.approval.connection import EVIDENCE, Connection, connection
from whichstep.approval.request import Request
from whichstep.approval.steps import ApprovalStep
from whichstep.approval.waiting import in_thread
from whichstep.errors import ActionBlocked, ApprovalPending
from whichstep.policy import Decision, Policy, stricter
from whichstep.processor import RUN_KEY
from whichstep.recording import AGENT_KEY, Current, Step, current_execution, current_trace_id
from whichstep.tool_calls import tool_call

DEFAULTS: Final = Options()
NO_POLICY: Final = Policy.from_dict({}, default="approve")


class Gate:
    """Decides on actions by one policy of this process and the sidecar's. Safe in any thread."""

    def __init__(self, policy: Policy | None) -> None:
        """Without a policy the sidecar's alone decides."""
        self.policy = policy

    def decide(self, action: str, arguments: Mapping[str, Any], agent: str | None = None) -> Decision:
        """The stricter word of the two policies. Asks the sidecar for its policy where that was never done."""
        connected = connection()
        authority, own = connected.authority.policy(), self.policy
        where = {"environment": connected.environment, "agent": current_agent(connected) if agent is None else agent}
        if own is None:
            return (authority or NO_POLICY).check(action, arguments, **where)
        decision = own.check(action, arguments, **where)
        return decision if authority is None else stricter(decision, authority.check(action, arguments, **where))

    def call(
        self, action: str, arguments: Mapping[str, Any], options: Options = DEFAULTS, schema: Schema = None
    ) -> Call:
        """One call of an action in the current context."""
        agent = current_agent(connection())
        return Call(action=action, arguments=arguments, options=options, schema=schema, agent=agent)

    def admit(
        self,
        call: Call,
        step: Step | None = None,
        parent: Context | None = None,
        *,
        watch: Callable[[Request], None] | None = None,
    ) -> Admission:
        """Return when the action may run, with the arguments to run it with; else raise.

        Args:
            call: The action.
            step: The step that the action will be, not begun; a blocked attempt is recorded as that step.
            parent: The context under which it belongs; the current one where it is left out.
            watch: Told of the request that is waited for, so that another thread can cancel it.

        Raises:
            ActionBlocked, ApprovalRejected, ApprovalExpired, ApprovalUnavailable: the action must not run.
            ApprovalPending: a person has to decide, and the call was told to raise instead of waiting.
        """
        with Current(parent):
            if (found := self._admitted(call)) is not None:
                return found
            decision = self.decide(call.action, call.arguments, call.agent)
            if decision.runs_alone:
                return Admission(call.action, call.arguments, decision)
            if decision.risk_level == "block":
                self._block(call, decision, step)
            self._keep_to_workflow(call, step)
            if call.options.on_approval == "wait":
                return self._wait(call, decision, watch)
            if call.options.on_approval == "suspend" and (suspend := integrations.suspension()) is not None:
                let_in: Admission = suspend(self, call, decision)
                return let_in
            asked = self.ask(call, decision)
            if isinstance(asked, Admission):
                return asked
            raise ApprovalPending(f"{call.action} waits for a decision ({asked.approval_id})", asked.approval_id)

    async def admit_async(self, call: Call, step: Step | None = None, parent: Context | None = None) -> Admission:
        """The same without blocking the event loop; a task that is cancelled withdraws its request."""
        if connection().authority.is_asked:
            decision = self.decide(call.action, call.arguments, call.agent)
            if decision.runs_alone:
                return Admission(call.action, call.arguments, decision)
        context, requests = contextvars.copy_context(), list[Request]()

        def cancel() -> None:
            for request in requests:
                request.cancel()

        return await in_thread(
            lambda: context.run(self.admit, call, step, parent, watch=requests.append), on_cancel=cancel
        )

    def ask(self, call: Call, decision: Decision | None = None) -> Admission | Request:
        """Ask for a decision without waiting for it: the request that is pending, or what was decided, used now.

        Raises:
            ActionBlocked, ApprovalRejected, ApprovalExpired, ApprovalUnavailable: the action must not run.
        """
        found = self.open(call, decision)
        return found if isinstance(found, Admission) or found.state == "pending" else self.use(found)

    def open(self, call: Call, decision: Decision | None = None) -> Admission | Request:
        """The request for a call, created where there is none, whatever became of it; nothing is used.

        The same call asked again, with the same `approval_id` or else in the same execution with the same arguments, is
        the same request until it is used. For frameworks that suspend and go on, perhaps in another process.

        Raises:
            ActionBlocked, ApprovalUnavailable: the action must not run.
        """
        decision = decision or self.decide(call.action, call.arguments, call.agent)
        if decision.runs_alone:
            return Admission(call.action, call.arguments, decision)
        if decision.risk_level == "block":
            self._block(call, decision, None)
        request = self.request(call, decision)
        execution_id = _execution_id()
        for use in range(1000):
            request.approval_id = call.approval_id or _derived(execution_id, call.action, request.arguments_digest, use)
            if not request.find():
                with ApprovalStep(call, decision, request.approval_id) as waiting:
                    request.create(facts(waiting, call))
                    if request.state == "pending":
                        waiting.hold()
                break
            if request.state != "consumed" or call.approval_id:
                break
        return request

    def use(self, request: Request) -> Admission:
        """Use what was decided on a request, once; waits where it is pending. Raises as `ask` does."""
        return Admission(request.call.action, request.settle(), request.decision, request.approval_id)

    def request(self, call: Call, decision: Decision) -> Request:
        """A request for the call that is not created yet."""
        connected = connection()
        return Request(
            call,
            decision,
            connected.sidecar,
            connected.redactor,
            lambda arguments: self.decide(call.action, arguments, call.agent),
        )

    def _wait(self, call: Call, decision: Decision, watch: Callable[[Request], None] | None) -> Admission:
        request = self.request(call, decision)
        request.approval_id = call.approval_id or uuid.uuid4().hex
        if watch is not None:
            watch(request)
        with ApprovalStep(call, decision, request.approval_id) as waiting:
            try:
                request.create(facts(waiting, call))
                arguments = request.settle()
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                request.cancel()
                raise
            waiting.decided(request.document)
        return Admission(call.action, arguments, decision, request.approval_id)

    def _block(self, call: Call, decision: Decision, step: Step | None) -> NoReturn:
        """Record the attempt, and refuse."""
        attempt = self._attempt(call, step)
        attempt.mark(marks(decision))
        blocked = ActionBlocked(f"{call.action} is blocked by the policy ({decision.reason}); it did not run")
        attempt.begin(held=False)
        attempt.end(blocked)
        raise blocked

    def _keep_to_workflow(self, call: Call, step: Step | None) -> None:
        """Refuse what the contract of the workflow forbids: no person is asked for it. The attempt is recorded."""
        run: Any = otel_context.get_value(RUN_KEY)
        violation = run.forbids_action(call.action) if run is not None else None
        if violation is not None:
            attempt = self._attempt(call, step)
            attempt.begin()  # raises the violation; but for a step that began meanwhile
            attempt.end(violation)
            raise violation

    def _attempt(self, call: Call, step: Step | None) -> Step:
        if step is None:
            known = {} if call.tool_call_id is None else {names.TOOL_CALL_ID: call.tool_call_id}
            return tool_call(call.action, known, ((names.TOOL_ARGUMENTS, dict(call.arguments)),))
        step.called(dict(call.arguments))
        return step

    def _admitted(self, call: Call) -> Admission | None:
        """An admission of the code around this call for the very same action: it is one action, asked for once."""
        around: Any = otel_context.get_value(ADMISSION_KEY)
        return around if isinstance(around, Admission) and around.takes(call.action, call.arguments) else None


def current_agent(connected: Connection) -> str | None:
    """The agent around the current code, by its step; else the service."""
    agent: Any = otel_context.get_value(AGENT_KEY)
    return agent if isinstance(agent, str) else connected.service


def facts(step: Step, call: Call) -> dict[str, Any]:
    """What a reviewer is told of the execution: ids, task, release, evidence."""
    connected, execution = connection(), current_execution()
    execution_id = _execution_id() or step.trace_id
    found = call.evidence()
    pieces = evidence.given(found) if found is not None else EVIDENCE.best(execution_id)
    return {
        "execution_id": execution_id,
        "step_id": step.step_id,
        "evidence": [piece.form() for piece in pieces],
        "task_type": _short(execution.name if execution is not None else None),
        "task": _short(execution.task_id if execution is not None else None),
        "requester": _short(execution.user if execution is not None else None),
        "release": _short(connected.release),
        "environment": _short(connected.environment),
    }


def _short(name: str | None) -> str | None:
    return name[:200] if name else None


def _execution_id() -> str | None:
    execution = current_execution()
    return execution.execution_id if execution is not None else current_trace_id()


def _derived(execution_id: str | None, action: str, digest: str, use: int) -> str:
    return hashlib.blake2b(f"{execution_id}\0{action}\0{digest}\0{use}".encode(), digest_size=16).hexdigest()
