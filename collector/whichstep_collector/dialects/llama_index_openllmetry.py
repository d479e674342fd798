"""LlamaIndex under OpenLLMetry: every method of its classes is a task, named after the class and not the method.

So values tell what a task was: `tool.name` a tool, a query bundle a retrieval, an operation a model call; a task of an
agent's class is its machinery. Values are the dumps of LlamaIndex's own events. Waiting for a person is raised as an
exception, and then a tool's span has no result.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import llama_index, openllmetry
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import TextKeys
from whichstep_collector.normalising.messages import Message, call_part, text_part
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import Attributes, ReceivedSpan

_INPUT: Final = "traceloop.entity.input"
_OUTPUT: Final = "traceloop.entity.output"
_QUERIES: Final = ('{"query_bundle"', '{"str_or_query_bundle"')
_TEAM: Final = "AgentWorkflow"
_TOOL_OUTPUT: Final = '"tool_output"'


def _kind(span: ReceivedSpan) -> Kind | None:
    owner, _, said = _entity(span)
    tool = span.attributes.get("tool.name")
    if isinstance(tool, str):
        return Kind("handoff" if is_handoff_tool(tool) else "tool_call")
    if _text(span, _INPUT).startswith(_QUERIES):
        return Kind("retrieval")
    kind = openllmetry.kind(span)
    if kind is None or kind.type not in {"workflow", "other"}:
        return kind
    if said == "workflow":
        return Kind("agent") if owner.endswith(llama_index.AGENTS) else kind
    return Kind("none")


def _entity(span: ReceivedSpan) -> tuple[str, str, str]:
    return span.name.rpartition(".")


def _text(span: ReceivedSpan, key: str) -> str:
    value = span.attributes.get(key)
    return value if isinstance(value, str) else ""


def _read(value: Any) -> Any:
    return parse_json(value) if isinstance(value, str) else value


def _unwrap_result(value: Any) -> ToolResult:
    found = _read(value)
    if not isinstance(found, dict) or not isinstance(output := found.get("tool_output"), dict):
        return llama_index.unwrap_result(value)
    call_id = found.get("tool_id")
    return llama_index.unwrap_result(output)._replace(call_id=call_id if isinstance(call_id, str) else None)


def unwrap_task(value: Any) -> Task:
    """The words of the response that an event holds; of what is no event, the value."""
    found = _read(value)
    for holder in ("result", "response", "message"):
        if isinstance(found, dict) and isinstance(found.get(holder), dict):
            found = found[holder]
    said = [block["text"] for block in _blocks(found) if isinstance(block.get("text"), str)]
    return Task("\n".join(said)) if said else Task(value)


def _blocks(message: Any) -> list[dict[str, Any]]:
    blocks = message.get("blocks") if isinstance(message, dict) else None
    return [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []


def _answer(attributes: Attributes) -> list[Message] | None:
    """The model's answer with its calls, which `gen_ai.output.messages` leaves out."""
    found = _read(attributes.get(_OUTPUT))
    message = found.get("message") if isinstance(found, dict) else None
    parts = [part for block in _blocks(message) if (part := _part(block)) is not None]
    return [{"role": "assistant", "parts": parts}] if parts else None


def _part(block: dict[str, Any]) -> dict[str, Any] | None:
    if isinstance(text := block.get("text"), str):
        return text_part(text)
    if block.get("block_type") == "tool_call":
        return call_part(block.get("tool_call_id"), block.get("tool_name"), block.get("tool_kwargs"))
    return None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openllmetry.finish(facts, span)
    owner, _, _ = _entity(span)
    if facts.type in {"tool_call", "handoff"}:
        if _OUTPUT not in span.attributes and span.end:
            facts.control_flow = "interrupt"
    elif facts.type == "retrieval":
        facts.step_name = facts.merge_key = owner
    elif facts.type == "agent":
        facts.agent = agent_of(owner, span.attributes.get(_OUTPUT))
        facts.step_name, facts.merge_key = facts.agent, None


def agent_of(owner: str, output: Any) -> str:
    """The agent that ran, as its output names it; a team by its class, for the output names the last of its agents."""
    found = None if owner.endswith(_TEAM) else _read(output)
    result = found.get("result") if isinstance(found, dict) else None
    name = result.get("current_agent_name") if isinstance(result, dict) else None
    return name if isinstance(name, str) and name else owner


DIALECT = Dialect(
    "llama_index_openllmetry",
    recognised_by(scopes=("opentelemetry.instrumentation.llamaindex",)),
    _kind,
    texts=TextKeys(arguments=("tool.arguments",), results=(_OUTPUT,), query=(_INPUT,), documents=(_OUTPUT,)),
    unwrap_arguments=llama_index.unwrap_arguments,
    unwrap_result=_unwrap_result,
    unwrap_task=unwrap_task,
    unwrap_query=llama_index.unwrap_query,
    answer=_answer,
    finish=_finish,
)
