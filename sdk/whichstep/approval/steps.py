"""The step that waits for a person, of type `approval`: announced as it begins, so that its execution shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link

from whichstep import attributes as names
from whichstep.approval.admission import marks
from whichstep.approval.call import Call
from whichstep.policy import Decision
from whichstep.processor import start_record
from whichstep.recording import Step


class ApprovalStep(Step):
    """One request for a decision, from its creation to the decision."""

    __slots__ = ()
    step_type: ClassVar[str] = "approval"

    def __init__(self, call: Call, decision: Decision, approval_id: str) -> None:
        attributes: dict[str, Any] = {names.STEP_NAME: call.action, **marks(decision, approval_id)}
        if call.tool_call_id is not None:
            attributes[names.TOOL_CALL_ID] = call.tool_call_id
        content = ((names.INPUT, dict(call.arguments)), (names.STEP_SUMMARY, call.summary))
        super().__init__(call.action, attributes, content)

    def decided(self, document: Mapping[str, Any]) -> None:
        """Take the decision as the step's output: what, by whom, why, and the arguments where they were edited."""
        told = {
            key: document[key] for key in ("decision", "decided_by", "notes", "edited_arguments") if document.get(key)
        }
        self.output(told or {"decision": document.get("state")})

    def hold(self) -> None:
        """Say that the step ends without a decision: the run goes on later, perhaps elsewhere."""
        self.set(names.CONTROL_FLOW, "approval")

    def _start(
        self, tracer: trace.Tracer, context: Context, attributes: dict[str, Any], links: list[Link] | None = None
    ) -> None:
        super()._start(tracer, context, attributes, links)
        if self._span is not None and self._runtime is not None and self._span.is_recording():
            self._runtime.delivery.offer(start_record(self._span))  # type: ignore[arg-type]

    def _span_name(self) -> str:
        return f"approval {self.name}"
