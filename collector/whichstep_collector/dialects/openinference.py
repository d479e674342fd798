"""OpenInference: `openinference.span.kind` says the step, with names that some of its instrumentations guess.

LangChain's calls any node with "agent" in its name an AGENT, hand-over tools included; its graph edges arrive as
chains. AutoGen's names agents in the span name (`support_agent.on_messages_stream`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from whichstep import attributes as names
from whichstep_collector.dialects import autogen_values, langchain_values
from whichstep_collector.dialects.base import Dialect, Kind, Task, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedSpan

_KIND: Final = "openinference.span.kind"
_KINDS: Final = {
    "LLM": Kind("llm_call"),
    "TOOL": Kind("tool_call"),
    "RETRIEVER": Kind("retrieval"),
    "EMBEDDING": Kind("embedding"),
    "RERANKER": Kind("rerank"),
    "AGENT": Kind("agent"),
    "GUARDRAIL": Kind("guardrail"),
    "EVALUATOR": Kind("evaluation"),
    "PROMPT": Kind("none"),
    "DECISION": Kind("other"),
    "UNKNOWN": Kind("other"),
}
_LISTS: Final = ("llm.input_messages.", "llm.output_messages.", "llm.token_count.", "retrieval.documents.")
"""What a limit on attributes may leave of a span."""
_RESPONSE_ID: Final = re.compile(r'\{"id": ?"([\w.:-]{1,200})"')
"""The provider's answer begins with its id, and no attribute names it."""
_METHODS: Final = (".on_messages_stream", ".on_messages", ".run_stream", ".run", "._execute_core", ".kickoff")


def kind(span: ReceivedSpan) -> Kind | None:
    """The step that the kind says."""
    said = span.attributes.get(_KIND)
    if not isinstance(said, str):
        return _implied(span)
    tool = span.attributes.get("tool.name", span.attributes.get(names.TOOL_NAME))
    if said in {"TOOL", "AGENT"} and (is_handoff_tool(tool) or span.name.lower().startswith("handoff to ")):
        return Kind("handoff")
    if said == "AGENT" and isinstance(tool, str) and "tool.description" in span.attributes:
        return Kind("tool_call")
    if said == "CHAIN":
        return _chain(span)
    return _KINDS.get(said) or _implied(span)


def _chain(span: ReceivedSpan) -> Kind:
    if langchain_values.is_plumbing(span.name):
        return Kind("none")
    if span.parent_span_id is None:
        return Kind("workflow")
    metadata = _metadata(span)
    return Kind(
        "workflow" if metadata.get("ls_integration") == "langgraph" and "langgraph_node" not in metadata else "other"
    )


def _implied(span: ReceivedSpan) -> Kind | None:
    """A span whose kind was cut off by an attribute limit still has the names of its kind."""
    for prefix, step in (
        ("llm.", "llm_call"),
        ("tool.", "tool_call"),
        ("retrieval.", "retrieval"),
        ("embedding.", "embedding"),
    ):
        if any(key.startswith(prefix) for key in span.attributes):
            return Kind(step, guessed=True)
    return None


def _metadata(span: ReceivedSpan) -> dict[str, Any]:
    value = span.attributes.get("metadata")
    found = parse_json(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """Names of agents and workflows, and what makes two spans one step."""
    if facts.type == "llm_call" and facts.response_id is None:
        facts.response_id = _response_id(span)
    elif facts.type == "workflow":
        facts.workflow = facts.workflow or _without_method(span.name)
        facts.step_name = _without_method(span.name)
    elif facts.type == "agent":
        facts.agent = facts.agent or _without_method(span.name)
        facts.step_name = facts.merge_key = facts.agent
    elif facts.type == "other":
        facts.merge_key = facts.step_name  # a graph's node and the subgraph in it


def _response_id(span: ReceivedSpan) -> str | None:
    answer = span.attributes.get("output.value")
    found = _RESPONSE_ID.match(answer) if isinstance(answer, str) else None
    return found[1] if found else None


def _without_method(name: str) -> str:
    return next((name.removesuffix(method) for method in _METHODS if name.endswith(method)), name) or name


def unwrap_task(value: Any) -> Task:
    """The messages of a chat or of a graph's state; else the value."""
    if isinstance(value, str) and value[:1] not in {"{", "["}:
        return Task(value)
    found = langchain_values.read(value)
    chat = autogen_values.unwrap_task(found) if isinstance(found, dict) else None
    return chat or langchain_values.unwrap_task(value)


DIALECT = Dialect(
    "openinference",
    recognised_by(scope_starts=("openinference.instrumentation",), keys=(_KIND,), key_starts=_LISTS),
    kind,
    unwrap_result=langchain_values.unwrap_result,
    unwrap_task=unwrap_task,
    held=langchain_values.held,
    finish=finish,
)
