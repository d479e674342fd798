"""CrewAI: tools behind the gate. The call waits; a refusal is its result, so that the crew does not try it again."""

from __future__ import annotations

import functools
from typing import Any

from crewai.tools import BaseTool

from whichstep.approval.call import Options
from whichstep.approval.gate import Gate
from whichstep.decorate import Arguments
from whichstep.integrations.held import REFUSALS, Held, step


def guard(tool: BaseTool, gate: Gate, options: Options) -> BaseTool:
    """The tool, held by the gate."""
    held = Held(gate, options, tool.name, lambda: dict(tool.args_schema.model_json_schema()))
    kept = tool.model_copy()
    name = "func" if callable(getattr(tool, "func", None)) else "_run"
    run = getattr(tool, name)
    arguments = Arguments(run)

    @functools.wraps(run)
    def waiting(*args: Any, **kwargs: Any) -> Any:
        try:
            admission = held.gate.admit(held.call(arguments.with_defaults(args, kwargs)))
        except REFUSALS as error:
            return str(error)
        args, kwargs = arguments.placed(args, dict(admission.arguments))
        with step(admission) as recorded:
            result = run(*args, **kwargs)
            recorded.result(result)
        return result

    object.__setattr__(kept, name, waiting)
    return kept
