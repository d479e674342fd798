"""What the adapters share: one tool of a framework, whose calls the gate holds and which are recorded as steps."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from whichstep import attributes as names
from whichstep.approval.admission import Admission
from whichstep.approval.call import Call, Options, Schema
from whichstep.approval.gate import Gate
from whichstep.approval.request import Request
from whichstep.approval.waiting import in_thread
from whichstep.errors import ActionBlocked, ApprovalExpired, ApprovalPending, ApprovalRejected
from whichstep.tool_calls import ToolCall, tool_call

REFUSALS: Final = (ActionBlocked, ApprovalRejected, ApprovalExpired, ApprovalPending)
"""What the model is told instead of a result. A sidecar that is away is the program's matter, and is raised."""
USES_MAX: Final = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held:
    """One tool of a framework behind the gate."""

    gate: Gate
    options: Options
    name: str
    schema: Schema = None

    @property
    def suspends(self) -> bool:
        """Whether the framework stops where a person has to decide, instead of the call waiting."""
        return self.options.on_approval == "suspend"

    def call(
        self, arguments: Mapping[str, Any], approval_id: str | None = None, tool_call_id: str | None = None
    ) -> Call:
        """One call of the tool; `approval_id` where the framework's own ids make one that outlives the process."""
        call = self.gate.call(self.name, arguments, self.options, self.schema)
        return replace(call, approval_id=approval_id, tool_call_id=tool_call_id)

    def asked(self, arguments: Mapping[str, Any], *key: str, tool_call_id: str | None = None) -> Request | None:
        """The pending request for a call that is asked about before it runs; None where no person has to decide.

        A call under ids that were decided on before, in an earlier run, is asked anew. A blocked action is not asked
        about: it is refused, and recorded, when it is to run.

        Raises:
            ApprovalUnavailable: the sidecar could not be asked.
        """
        call = self.call(arguments, tool_call_id=tool_call_id)
        decision = self.gate.decide(call.action, call.arguments, call.agent)
        if decision.risk_level != "approve":
            return None
        known = self._known(call, key)
        pending = known[-1:] if known and known[-1].state == "pending" else []
        fresh = pending[0].approval_id if pending else key_of(*key, self.name, str(len(known)))
        found = self.gate.open(replace(call, approval_id=fresh), decision)
        return found if isinstance(found, Request) else None

    def admit_asked(self, arguments: Mapping[str, Any], *key: str, tool_call_id: str | None = None) -> Admission:
        """Let a call in that the framework has asked about before; the decision is used now.

        Raises:
            ActionBlocked, ApprovalRejected, ApprovalExpired, ApprovalUnavailable: it must not run.
            ApprovalPending: nobody has decided yet, whatever the framework was told.
        """
        call = self.call(arguments, tool_call_id=tool_call_id)
        decision = self.gate.decide(call.action, call.arguments, call.agent)
        if decision.risk_level != "approve":
            return self.gate.admit(call)
        latest = max(len(self._known(call, key)) - 1, 0)
        found = self.gate.ask(replace(call, approval_id=key_of(*key, self.name, str(latest))), decision)
        if isinstance(found, Request):
            raise ApprovalPending(f"{self.name} waits for a decision ({found.approval_id})", found.approval_id)
        return found

    async def admit_async(self, arguments: Mapping[str, Any], *key: str, tool_call_id: str | None = None) -> Admission:
        """Let a call in without blocking the event loop: by what was asked before, or waiting for a decision."""
        if not self.suspends:
            return await self.gate.admit_async(self.call(arguments, tool_call_id=tool_call_id))
        return await in_context(lambda: self.admit_asked(arguments, *key, tool_call_id=tool_call_id))

    def _known(self, call: Call, key: tuple[str, ...]) -> list[Request]:
        """The requests there are for a call of these ids, in order; more than one where ids came again."""
        found: list[Request] = []
        decision = self.gate.decide(call.action, call.arguments, call.agent)
        while len(found) < USES_MAX:
            request = self.gate.request(call, decision)
            request.approval_id = key_of(*key, self.name, str(len(found)))
            if not request.find():
                break
            found.append(request)
        return found


async def in_context(work: Callable[[], T]) -> T:
    """Blocking work beside the event loop, in the context of the caller."""
    import contextvars  # noqa: PLC0415  coroutines alone need it

    context = contextvars.copy_context()
    return await in_thread(lambda: context.run(work))


@contextlib.contextmanager
def step(admission: Admission, call_id: str | None = None) -> Iterator[ToolCall]:
    """The step of a call that was let in; what runs inside for the very same action is not asked for again."""
    attributes = {names.TOOL_CALL_ID: call_id} if call_id else {}
    opened = tool_call(admission.action, attributes, ((names.TOOL_ARGUMENTS, dict(admission.arguments)),))
    opened.mark(admission.marks())
    opened.admission = admission
    opened.begin()
    try:
        with opened.current():
            yield opened
    except BaseException as error:
        opened.end(error)
        raise
    opened.end()


def edited(arguments: Mapping[str, Any], admission: Admission) -> dict[str, Any] | None:
    """The arguments as a person changed them; None where they are what was asked for."""
    changed = arguments.keys() != admission.arguments.keys() or any(
        admission.arguments[name] is not value for name, value in arguments.items()
    )
    return dict(admission.arguments) if changed else None


def key_of(*parts: str) -> str:
    """An approval id, 32 hex digits, from ids of a framework."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
