"""LlamaIndex under OpenInference: every method of its classes is a span, most of them its own machinery.

A model call is `X.achat` twice, of which the inner one counts tokens; a retriever `X.retrieve` over `X._retrieve`.
Waiting for a person is raised as an exception. Events and answers are Python text.
"""

from __future__ import annotations

import re
from typing import Any, Final

from whichstep_collector.dialects import openinference
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising.calls import arguments_of
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.messages import Message
from whichstep_collector.normalising.python_text import read_python
from whichstep_collector.normalising.response_messages import read_response
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import Attributes, ReceivedSpan

PLUMBING: Final = frozenset({
    "init_run", "setup_agent", "run_agent_step", "parse_agent_output", "call_tool", "aggregate_tool_results",
    "handoff", "_prepare_chat_with_tools", "_get_prompts", "_done",
})  # fmt: skip
"""The methods of agents and clients that are their own machinery."""
AGENTS: Final = ("Agent", "AgentWorkflow")
"""How the names of classes of agents end."""
_ANSWER: Final = re.compile(r"\bblocks=\[TextBlock\([^()]{0,64}?text=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_ASKED: Final = re.compile(r"\buser_msg(?:\"|')?[=:] ?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_MACHINERY: Final = ('{"init_state"', '{"ctx": "<', "StopEvent(", "AgentOutput(")
"""The machinery's state, which is what a workflow is given here, and an answer that was cut off before its words."""
_OUTPUT: Final = '{"response":{"role":"assistant"'
"""An agent's output, before version 0.14."""
_CONTEXT: Final = re.compile(r"<[\w.]+\.Context object at 0x")
_MESSAGE: Final = "ChatMessage("
_SEARCHED_MAX: Final = 256 * 1024


def _kind(span: ReceivedSpan) -> Kind | None:
    owner, _, method = span.name.rpartition(".")
    if method in PLUMBING:
        return Kind("none")
    kind = openinference.kind(span)
    if kind is None or kind.type not in {"workflow", "other", "tool_call"}:
        return kind
    if kind.type == "tool_call":
        return Kind("handoff") if is_handoff_tool(span.attributes.get("tool.name")) else kind
    return Kind("agent") if method == "run" and owner.endswith(AGENTS) else kind


def unwrap_result(value: Any) -> ToolResult:
    """The text of a tool's output, and whether it says that it failed."""
    found = parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict) or "is_error" not in found or "tool_name" not in found:
        return ToolResult(value)
    blocks = found.get("blocks")
    said = [block["text"] for block in blocks if isinstance(block, dict) and isinstance(block.get("text"), str)] \
        if isinstance(blocks, list) else []  # fmt: skip
    result = "\n".join(said) if said else found.get("raw_output")
    return ToolResult(result, failed=(result if isinstance(result, str) else "") if found["is_error"] is True else None)


def _unwrap_task(value: Any) -> Task:
    """The words of an answer or of the user within the Python text of events."""
    if not isinstance(value, str):
        return Task(value)
    match = _ANSWER.search(value[:_SEARCHED_MAX]) or _ASKED.search(value[:_SEARCHED_MAX])
    said = read_python(match[1]) if match else None
    if isinstance(said, str):
        return Task(said)
    if value.startswith(_OUTPUT):
        return Task(_said_in(parse_json(value)))
    return Task(None if value.startswith(_MACHINERY) else value)


def _said_in(output: Any) -> str | None:
    """The words of an agent's output as JSON, which has a message in blocks."""
    response = output.get("response") if isinstance(output, dict) else None
    blocks = response.get("blocks") if isinstance(response, dict) else None
    said = [block.get("text") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    return "\n".join(text for text in said if isinstance(text, str)) or None


def unwrap_arguments(value: Any) -> Any:
    """Without the run's context, which is handed to a tool beside what the model asked for."""
    found = arguments_of(value)
    if not isinstance(found, dict):
        return found
    return {name: item for name, item in found.items() if not (isinstance(item, str) and _CONTEXT.match(item))}


def unwrap_query(value: Any) -> Any:
    """The words of a query bundle, under whatever name it was given."""
    found = parse_json(value) if isinstance(value, str) else value
    query = next(iter(found.values()), None) if isinstance(found, dict) and len(found) == 1 else found
    return query.get("query_str", value) if isinstance(query, dict) else value


def _answer(attributes: Attributes) -> list[Message] | None:
    return read_response(attributes.get("output.value"))


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openinference.finish(facts, span)
    owner, _, method = span.name.rpartition(".")
    if facts.type in {"retrieval", "rerank", "embedding", "other"} and owner:
        facts.step_name, facts.merge_key = owner, owner if facts.type == "retrieval" else None
    elif facts.type == "agent":
        facts.step_name, facts.merge_key = facts.agent or owner, None
    elif facts.user_message is not None and facts.user_message.startswith(_MESSAGE):
        facts.input = facts.input_parts = facts.user_message = None  # Python text of what the call below it sends
    if facts.type == "retrieval" and method.startswith("_"):
        facts.sources, facts.sources_parts = None, None  # Python text of what the span above it lists


DIALECT = Dialect(
    "llama_index",
    recognised_by(scopes=("openinference.instrumentation.llama_index",)),
    _kind,
    unwrap_arguments=unwrap_arguments,
    unwrap_result=unwrap_result,
    unwrap_task=_unwrap_task,
    unwrap_query=unwrap_query,
    answer=_answer,
    finish=_finish,
)
