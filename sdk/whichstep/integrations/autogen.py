"""AutoGen: tools behind the gate. The call waits beside the event loop; cancelling the run withdraws its request."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

from autogen_core import CancellationToken
from autogen_core.tools import BaseTool

from whichstep.approval.call import Options
from whichstep.approval.gate import Gate
from whichstep.integrations.held import Held, step


def guard(tool: BaseTool[Any, Any], gate: Gate, options: Options) -> BaseTool[Any, Any]:
    """The tool, held by the gate. A refusal is raised, which the agent tells its model as an error of the tool."""
    held = Held(gate, options, tool.name, lambda: dict(tool.schema.get("parameters") or {}))
    kept = copy.copy(tool)
    run = tool.run_json

    async def run_json(
        args: Mapping[str, Any], cancellation_token: CancellationToken, call_id: str | None = None
    ) -> Any:
        waiting = asyncio.ensure_future(held.gate.admit_async(held.call(dict(args))))
        cancellation_token.link_future(waiting)
        admission = await waiting
        with step(admission, call_id) as recorded:
            result = await run(dict(admission.arguments), cancellation_token, call_id)
            recorded.result(result)
        return result

    kept.run_json = run_json  # type: ignore[method-assign]
    return kept
