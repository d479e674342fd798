"""Pydantic AI: tools behind the gate; the run ends with deferred requests, and goes on with what was decided.

    tools = policy.guard([Tool(send_email)], on_approval="suspend")
    agent = Agent(…, tools=tools, output_type=[str, DeferredToolRequests])
    result = await agent.run("…")
    if isinstance(result.output, DeferredToolRequests):
        result = await resume(agent, result.all_messages(), result.output)

Messages and requests can be kept in between, for another process. Arguments that a person edited are `override_args`,
which Pydantic AI validates. A program that approves by itself lets nothing in: the tool asks the sidecar.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, Tool, ToolApproved, ToolDenied
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.messages import ModelMessage

from whichstep.approval.call import Options
from whichstep.approval.gate import Gate
from whichstep.integrations import decisions
from whichstep.integrations.held import REFUSALS, Held, edited, in_context, step

APPROVAL = "approval_id"
_FRAMEWORK = "pydantic_ai"


def guard(tool: Tool[Any], gate: Gate, options: Options) -> Tool[Any]:
    """The tool, held by the gate."""
    held = Held(gate, options, tool.name, lambda: dict(tool.function_schema.json_schema))
    kept = copy.copy(tool)
    kept.function_schema = copy.copy(tool.function_schema)
    run = tool.function_schema.call

    async def call(arguments: dict[str, Any], context: Any) -> Any:
        key = (_FRAMEWORK, str(context.tool_call_id))
        if held.suspends and not context.tool_call_approved:
            asked = await in_context(lambda: held.asked(arguments, *key, tool_call_id=context.tool_call_id))
            if asked is not None:
                raise ApprovalRequired(metadata={APPROVAL: asked.approval_id})
        try:
            admission = await held.admit_async(arguments, *key, tool_call_id=context.tool_call_id)
        except REFUSALS as error:
            return str(error)
        changed = edited(arguments, admission)
        if changed is not None:
            changed = tool.function_schema.validator.validate_python(changed)
        with step(admission, context.tool_call_id) as recorded:
            result = await run(arguments if changed is None else changed, context)
            recorded.result(result)
        return result

    object.__setattr__(kept.function_schema, "call", call)
    return kept


async def resume(
    agent: Agent[Any, Any],
    messages: Sequence[ModelMessage],
    requests: DeferredToolRequests,
    *,
    timeout: float | None = None,  # noqa: ASYNC109  as of the other adapters
    **options: Any,
) -> Any:
    """Wait for the decisions that a run has ended for, and run on until the agent ends or needs something else.

    Recorded as the execution that asked, unless it is called inside of one.

    Args:
        agent: The agent of the run.
        messages: Its messages, `result.all_messages()`.
        requests: Its output. Calls that were deferred for other reasons are yours: then use `decided`.
        timeout: Seconds to wait for each decision; until the requests expire where it is left out.
        options: For `agent.run`.

    Raises:
        ApprovalPending, ApprovalUnavailable: see `whichstep.integrations.decisions.decided`.
    """
    while True:
        documents = await _documents(requests, timeout)
        with decisions.execution_of(next(iter(documents.values()), {})):
            result = await agent.run(message_history=messages, deferred_tool_results=_results(documents), **options)
        if not isinstance(result.output, DeferredToolRequests) or not _approval_ids(result.output):
            return result
        messages, requests = result.all_messages(), result.output


async def decided(requests: DeferredToolRequests, *, timeout: float | None = None) -> DeferredToolResults:  # noqa: ASYNC109  as above
    """Wait for the decisions that a run has ended for, as the results with which it goes on.

    Calls that were deferred for other reasons are left out: add what they need. Raises as `resume` does.
    """
    return _results(await _documents(requests, timeout))


async def _documents(requests: DeferredToolRequests, timeout: float | None) -> dict[str, dict[str, Any]]:  # noqa: ASYNC109  as above
    found: dict[str, dict[str, Any]] = {}
    for call_id, approval_id in _approval_ids(requests).items():
        found[call_id] = await in_context(lambda: decisions.decided(approval_id, timeout))  # noqa: B023  awaited at once
    return found


def _approval_ids(requests: DeferredToolRequests) -> dict[str, str]:
    """Of the calls that were stopped by us: tool call id -> approval id."""
    told = {call.tool_call_id: requests.metadata.get(call.tool_call_id) or {} for call in requests.approvals}
    return {call_id: str(metadata[APPROVAL]) for call_id, metadata in told.items() if APPROVAL in metadata}


def _results(documents: Mapping[str, dict[str, Any]]) -> DeferredToolResults:
    return DeferredToolResults(approvals={call_id: _result(document) for call_id, document in documents.items()})


def _result(document: dict[str, Any]) -> ToolApproved | ToolDenied:
    why = decisions.refusal(document)
    return ToolDenied(why) if why is not None else ToolApproved(override_args=document.get("edited_arguments"))
