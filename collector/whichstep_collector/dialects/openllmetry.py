"""OpenLLMetry (Traceloop): `traceloop.span.kind` beside GenAI operations.

One agent is two spans, `invoke_agent X` over `X.workflow`; values are wrapped ({"inputs": …, "tags": …}), a tool's
arguments as a Python literal; interrupts and hand-overs are sent as errors.
"""

from __future__ import annotations

import re
from typing import Any, Final

from whichstep_collector.dialects import langchain_values
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool, kind_of_operation
from whichstep_collector.normalising.calls import arguments_of, unquoted, words_of
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_KINDS: Final = {
    "workflow": Kind("workflow"),
    "task": Kind("other"),
    "agent": Kind("agent"),
    "tool": Kind("tool_call"),
    "llm": Kind("llm_call"),
    "handoff": Kind("handoff"),
}
_HOOK: Final = re.compile(r"(\w+)\.a?((?:before|after)_(?:agent|model))")
"""The hook of a LangChain middleware: it runs in a node of its name, without the letter that says asynchronous."""
_SCOPE: Final = "opentelemetry.instrumentation."
_LIBRARIES: Final = (
    "alephalpha", "anthropic", "bedrock", "chromadb", "cohere", "crewai", "google_generativeai", "groq", "haystack",
    "lancedb", "langchain", "llamaindex", "marqo", "mcp", "milvus", "mistralai", "ollama", "openai", "openai.v1",
    "openai_agents", "pinecone", "qdrant", "replicate", "sagemaker", "together", "transformers", "vertexai", "watsonx",
    "weaviate", "writer",
)  # fmt: skip


def kind(span: ReceivedSpan) -> Kind | None:
    """The step that the operation, or the kind of entity, says."""
    entity = span.attributes.get("traceloop.entity.name")
    if isinstance(entity, str) and langchain_values.is_plumbing(entity):
        return Kind("none")
    if operation := kind_of_operation(span):
        return operation
    if isinstance(span.attributes.get("llm.request.type"), str):
        return Kind("embedding" if span.attributes["llm.request.type"] == "embedding" else "llm_call")
    said = span.attributes.get("traceloop.span.kind")
    found = _KINDS.get(said) if isinstance(said, str) else None
    return Kind("handoff") if found and found.type == "tool_call" and is_handoff_tool(entity) else found


def unwrap_arguments(value: Any) -> Any:
    """A tool's arguments, out of the call that they were wrapped in."""
    found = langchain_values.unwrap_arguments(value)
    return arguments_of(value) if found is value else found


def unwrap_result(value: Any) -> ToolResult:
    """A tool's result, out of a message of LangChain's."""
    return langchain_values.unwrap_result(unquoted(value))


def unwrap_task(value: Any) -> Task:
    """A state's messages, or the words of a decorated function's call or answer."""
    task = langchain_values.unwrap_task(value)
    return task if task.messages or task.value is not value else Task(words_of(unquoted(value)))


def unwrap_query(value: Any) -> Any:
    """The query of a retriever's input."""
    found = langchain_values.read(value)
    return found.get("query", value) if isinstance(found, dict) else value


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """Names by the entity, and what makes two spans one step."""
    entity = span.attributes.get("traceloop.entity.name")
    name = entity if isinstance(entity, str) and entity else None
    if facts.type in {"tool_call", "handoff", "approval"}:
        facts.tool = facts.tool or name
        facts.step_name = facts.merge_key = facts.tool or facts.step_name
        if facts.tool_call_id is None:
            facts.tool_call_id = langchain_values.call_id_of_arguments(
                span.attributes.get("gen_ai.tool.call.arguments")
            )
    elif facts.type == "agent":
        facts.agent = facts.agent or name
        facts.step_name = facts.merge_key = facts.agent or facts.step_name
    elif facts.type in {"workflow", "other", "retrieval"} and name:
        facts.step_name = facts.merge_key = name
    elif facts.type == "other" and (hook := _HOOK.fullmatch(facts.step_name)):
        facts.merge_key = f"{hook[1]}.{hook[2]}"


DIALECT = Dialect(
    "openllmetry",
    recognised_by(
        scopes=tuple(_SCOPE + library for library in _LIBRARIES), keys=("llm.request.type",), key_starts=("traceloop.",)
    ),
    kind,
    unwrap_arguments=unwrap_arguments,
    unwrap_result=unwrap_result,
    unwrap_task=unwrap_task,
    unwrap_query=unwrap_query,
    held=langchain_values.held,
    finish=finish,
)
