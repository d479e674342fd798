"""whichstep: which step failed? The library inside an agent's process.

Records tasks, their executions and steps as OpenTelemetry spans and sends them to the sidecar (`whichstep up`). It
never raises into the host and never blocks it; what it drops, it counts. Importing this module loads nothing heavy:
OpenTelemetry comes with the first step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whichstep.configure import configure, flush, shutdown, tracer_provider
from whichstep.errors import ConfigurationError, WhichstepError
from whichstep.instrument import instrument
from whichstep.outcome import carry, current_execution_id, current_step, evaluate, expect, outcome

if TYPE_CHECKING:
    from whichstep.steps import agent, llm, observe, retrieval, step, task, tool

__all__ = [
    "ConfigurationError",
    "WhichstepError",
    "agent",
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
    "retrieval",
    "shutdown",
    "step",
    "task",
    "tool",
    "tracer_provider",
]
_VERBS = frozenset({"agent", "llm", "observe", "retrieval", "step", "task", "tool"})


def __getattr__(name: str) -> Any:
    """Load the steps, and OpenTelemetry with them, when the first is used."""
    if name not in _VERBS:
        raise AttributeError(f"module 'whichstep' has no attribute {name!r}")
    from whichstep import steps  # noqa: PLC0415  see above

    globals().update({verb: getattr(steps, verb) for verb in _VERBS})
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_VERBS})
