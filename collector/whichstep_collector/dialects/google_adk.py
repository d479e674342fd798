"""Google ADK's own spans: GenAI operations under scope `gcp.vertex.agent`; messages are in log events by default.

An invocation that stopped for a confirmation goes on in another trace under the same invocation id. Parallel tools add
a span `execute_tool (merged tools)`, which is no step. The older schema nests `call_llm` over the model call.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.identity import run_key
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedSpan

SCOPE: Final = "gcp.vertex.agent"
_INVOCATION: Final = "gcp.vertex.agent.invocation_id"
_MERGED: Final = "(merged"
_TRANSFER: Final = "transfer_to_agent"
_OLDER: Final = {"invocation": Kind("workflow"), "call_llm": Kind("llm_call"), "send_data": Kind("none")}


def _kind(span: ReceivedSpan) -> Kind | None:
    tool = span.attributes.get("gen_ai.tool.name")
    if _MERGED in span.name or (isinstance(tool, str) and tool.startswith(_MERGED)):
        return Kind("none")
    if tool == _TRANSFER:
        return Kind("handoff")
    return kind_of_operation(span) or _older(span.name)


def _older(name: str) -> Kind | None:
    """By names, which are all that the older schema has."""
    if name.startswith("agent_run"):
        return Kind("agent")
    return _OLDER.get(name)


def unwrap_result(value: Any) -> ToolResult:
    """A result that is no object is wrapped in one."""
    found = parse_json(value) if isinstance(value, str) else value
    return ToolResult(found["result"] if isinstance(found, dict) and found.keys() == {"result"} else value)


def _run_key(value: Any) -> bytes | None:
    return run_key(SCOPE, value) if isinstance(value, str) and value else None


DIALECT = Dialect(
    "google_adk",
    recognised_by(scopes=(SCOPE,), key_starts=(f"{SCOPE}.",)),
    _kind,
    fields=(
        Field("session_id", coerce.text, ("session.id", "gen_ai.conversation.id", "gcp.vertex.agent.session_id")),
        Field("execution_key", _run_key, (_INVOCATION,)),
    ),
    texts=TextKeys(
        input=("gcp.vertex.agent.llm_request",),
        output=("gcp.vertex.agent.llm_response",),
        arguments=("gen_ai.tool.call.arguments", "gcp.vertex.agent.tool_call_args"),
        results=("gen_ai.tool.call.result", "gcp.vertex.agent.tool_response"),
    ),
    unwrap_result=unwrap_result,
)
