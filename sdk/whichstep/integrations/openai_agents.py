"""OpenAI Agents SDK: function tools behind the gate; the run stops by `needs_approval`, its state outlives the process.

    agent = Agent(…, tools=policy.guard([function_tool(send_email)], on_approval="suspend"))
    result = await Runner.run(agent, "…")
    if result.interruptions:
        result = await resume(agent, result.to_state())

In another process the state is read by `RunState.from_string(agent, text)`. Where a program approves by itself
(`state.approve`), the tool still asks the sidecar, and does not run without a decision of a reviewer.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Mapping
from typing import Any

from agents import FunctionTool, Runner

from whichstep.approval.call import Options
from whichstep.approval.gate import Gate
from whichstep.integrations import decisions
from whichstep.integrations.held import REFUSALS, Held, in_context, key_of, step

_FRAMEWORK = "openai_agents"


def guard(tool: FunctionTool, gate: Gate, options: Options) -> FunctionTool:
    """The tool, held by the gate. Its own `needs_approval` holds on beside."""
    held = Held(gate, options, tool.name, lambda: dict(tool.params_json_schema))

    async def invoke(context: Any, text: str) -> Any:
        arguments = _arguments(text)
        try:
            call_id = context.tool_call_id
            admission = await held.admit_async(arguments, _FRAMEWORK, call_id, tool_call_id=call_id)
        except REFUSALS as error:
            return str(error)
        changed = dict(admission.arguments) != arguments
        with step(admission, context.tool_call_id) as recorded:
            result = await tool.on_invoke_tool(context, json.dumps(dict(admission.arguments)) if changed else text)
            recorded.result(result)
        return result

    async def needs_approval(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        if await in_context(lambda: held.asked(arguments, _FRAMEWORK, call_id, tool_call_id=call_id)) is not None:
            return True
        own = tool.needs_approval
        asked: Any = own(context, arguments, call_id) if callable(own) else own
        return bool(await asked if inspect.isawaitable(asked) else asked)

    return dataclasses.replace(
        tool, on_invoke_tool=invoke, needs_approval=needs_approval if held.suspends else tool.needs_approval
    )


async def resume(agent: Any, state: Any, *, timeout: float | None = None, **options: Any) -> Any:  # noqa: ASYNC109  as in the other adapters
    """Wait for the decisions that a run has stopped for, and run it on until it ends or stops for something else.

    Approved calls are approved in the state, others rejected with the reason; arguments that a person edited are put
    into the call as the tool runs. Recorded as the execution that asked, unless it is called inside of one.

    Args:
        agent: The agent of the run.
        state: Its `RunState`: `result.to_state()`, or read again by `RunState.from_string`.
        timeout: Seconds to wait for each decision; until the requests expire where it is left out.
        options: For `Runner.run`.

    Returns:
        The result of the run. It has interruptions where those are not ours; None where the state had none of ours.

    Raises:
        ApprovalPending, ApprovalUnavailable: see `whichstep.integrations.decisions.decided`.
    """
    result = None
    while documents := await _decided(state, timeout):
        with decisions.execution_of(documents[0]):
            result = await Runner.run(agent, state, **options)
        state = result.to_state()
    return result


async def _decided(state: Any, timeout: float | None) -> list[Mapping[str, Any]]:  # noqa: ASYNC109  as above
    """Tell the state what was decided on the calls that it has stopped for; what that was."""
    found: list[Mapping[str, Any]] = []
    for item in state.get_interruptions():
        document = await in_context(lambda: _latest(item, timeout))  # noqa: B023  awaited at once
        if document is None:
            continue
        found.append(document)
        why = decisions.refusal(document)
        if why is None:
            state.approve(item)
        else:
            state.reject(item, rejection_message=why)
    return found


def _latest(item: Any, timeout: float | None) -> Mapping[str, Any] | None:
    """What was decided on the latest request for a call; None where none was asked for."""
    raw, found, use = item.raw_item, None, 0
    call_id = str(raw.get("call_id") if isinstance(raw, dict) else raw.call_id)
    while decisions.exists(approval_id := key_of(_FRAMEWORK, call_id, str(item.tool_name), str(use))):
        found, use = approval_id, use + 1
    return None if found is None else decisions.decided(found, timeout)


def _arguments(text: str) -> dict[str, Any]:
    read = json.loads(text) if text else {}
    return read if isinstance(read, dict) else {"arguments": read}
