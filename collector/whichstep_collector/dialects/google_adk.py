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
from whichstep_collector.normalising.messages import Message, read_messages, text_part
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import Attributes, ReceivedSpan

SCOPE: Final = "gcp.vertex.agent"
_INVOCATION: Final = "gcp.vertex.agent.invocation_id"
_MERGED: Final = "(merged"
_TRANSFER: Final = "transfer_to_agent"
_REQUEST: Final = "gcp.vertex.agent.llm_request"
_RESPONSE: Final = "gcp.vertex.agent.llm_response"
_OLDER: Final = {"invocation": Kind("workflow"), "call_llm": Kind("llm_call"), "send_data": Kind("none")}


def _kind(span: ReceivedSpan) -> Kind | None:
    tool = span.attributes.get("gen_ai.tool.name")
    if _MERGED in span.name or (isinstance(tool, str) and tool.startswith(_MERGED)):
        return Kind("none")
    if tool == _TRANSFER:
        return Kind("handoff")
    return kind_of_operation(span) or kind_of_name(span.name)


def kind_of_name(name: str) -> Kind | None:
    """The step by its name, which is all that the older schema has."""
    if name.startswith("agent_run"):
        return Kind("agent")
    return _OLDER.get(name)


def unwrap_result(value: Any) -> ToolResult:
    """A result that is no object is wrapped in one. ADK and, by its advice, tools say in theirs that they failed."""
    found = parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        return ToolResult(value)
    if found.keys() == {"result"}:
        return ToolResult(found["result"])
    said = found.get("error") if found.keys() == {"error"} else None
    said = found.get("error_message") if found.get("status") == "error" else said
    return ToolResult(value, failed=said if isinstance(said, str) else None)


def _sent(attributes: Attributes) -> list[Message] | None:
    """The contents of the older schema's request, after its system instruction."""
    request = coerce.json_object(attributes.get(_REQUEST))
    contents, instruction = request.get("contents"), coerce.json_object(request.get("config")).get("system_instruction")
    messages = read_messages(contents, default_role="user") if isinstance(contents, list) else None
    if messages and isinstance(instruction, str) and instruction:
        return [{"role": "system", "parts": [text_part(instruction)]}, *messages]
    return messages


def _answer(attributes: Attributes) -> list[Message] | None:
    content = coerce.json_object(attributes.get(_RESPONSE)).get("content")
    return read_messages([content], default_role="assistant") if isinstance(content, dict) else None


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
        input=(_REQUEST,),
        output=(_RESPONSE,),
        arguments=("gen_ai.tool.call.arguments", "gcp.vertex.agent.tool_call_args"),
        results=("gen_ai.tool.call.result", "gcp.vertex.agent.tool_response"),
    ),
    unwrap_result=unwrap_result,
    sent=_sent,
    answer=_answer,
)
