"""whichstep: which step failed? The library inside an agent's process.

Records tasks, their executions and steps as OpenTelemetry spans and sends them to the sidecar (`whichstep up`). It
never raises into the host and never blocks it; what it drops, it counts. Importing this module loads nothing heavy:
OpenTelemetry comes with the first step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whichstep.configure import configure, flush, shutdown, tracer_provider
from whichstep.errors import (
    ActionBlocked,
    ApprovalExpired,
    ApprovalPending,
    ApprovalRejected,
    ApprovalUnavailable,
    ConfigurationError,
    WhichstepError,
    WorkflowViolation,
)
from whichstep.instrument import instrument
from whichstep.outcome import carry, current_execution_id, current_step, evaluate, expect, outcome

if TYPE_CHECKING:
    from whichstep.approval.action import action
    from whichstep.approval.outputs import arequest_approval, request_approval
    from whichstep.policy import Policy
    from whichstep.steps import agent, llm, observe, retrieval, step, task, tool
    from whichstep.workflow import Workflow

__all__ = [
    "ActionBlocked",
    "ApprovalExpired",
    "ApprovalPending",
    "ApprovalRejected",
    "ApprovalUnavailable",
    "ConfigurationError",
    "Policy",
    "WhichstepError",
    "Workflow",
    "WorkflowViolation",
    "action",
    "agent",
    "arequest_approval",
    "carry",
    "configure",
    "current_execution_id",
    "current_step",
    "evaluate",
    "expect",
    "flush",
    "instrument",
    "llm",
    "observe",
    "outcome",
    "request_approval",
    "retrieval",
    "shutdown",
    "step",
    "task",
    "tool",
    "tracer_provider",
]
_LATER = {
    "Policy": "whichstep.policy",
    "action": "whichstep.approval.action",
    **dict.fromkeys(("arequest_approval", "request_approval"), "whichstep.approval.outputs"),
    **dict.fromkeys(("agent", "llm", "observe", "retrieval", "step", "task", "tool"), "whichstep.steps"),
    "Workflow": "whichstep.workflow",
}
"""Names whose module is loaded when the first of them is used: steps bring OpenTelemetry with them."""


def __getattr__(name: str) -> Any:
    """Load what is not needed by every program when it is used."""
    if name not in _LATER:
        raise AttributeError(f"module 'whichstep' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  see above

    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
