"""OpenTelemetry's GenAI conventions, old and new: `gen_ai.operation.name` decides, else what the names imply."""

from __future__ import annotations

from typing import Any, Final

from whichstep import attributes as names
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.received import ReceivedSpan

OPERATIONS: Final = {
    **dict.fromkeys(
        ("chat", "generate_content", "text_completion", "completion", "generate", "response", "model_request",
         "llm_request", "llm_call"),
        Kind("llm_call"),
    ),
    **dict.fromkeys(("execute_tool", "tool_call"), Kind("tool_call")),
    **dict.fromkeys(("retrieval", "vector_db_retrieve", "vectordb", "search_memory"), Kind("retrieval")),
    "embeddings": Kind("embedding"),
    "rerank": Kind("rerank"),
    **dict.fromkeys(("invoke_agent", "agent_call"), Kind("agent")),
    "create_agent": Kind("none", setup=True),
    **dict.fromkeys(("invoke_workflow", "invoke_swarm", "invoke_graph"), Kind("workflow")),
    **dict.fromkeys(("plan", "execute_task", "execute_method", "agent_step"), Kind("other")),
    **dict.fromkeys(("apply_guardrail", "run_guardrail", "guardrail.run", "guard"), Kind("guardrail")),
    **dict.fromkeys(("handoff", "agent_handoff"), Kind("handoff")),
    **dict.fromkeys(("fetch_response", "goto"), Kind("none")),
    "execute_event_loop_cycle": Kind("other"),
    "evaluate": Kind("evaluation"),
}  # fmt: skip
_HANDOFF: Final = "handoff"
_HANDOFF_PREFIXES: Final = ("transfer_to_", "handoff_to_", "transfer_back_to_")


def is_handoff_tool(name: Any) -> bool:
    """Whether a tool's name says that it hands the task to another agent or a person."""
    return isinstance(name, str) and (name == _HANDOFF or name.startswith(_HANDOFF_PREFIXES))


def kind_of_operation(span: ReceivedSpan) -> Kind | None:
    """The step that the operation name says; a tool that hands over is a handoff."""
    said = span.attributes.get(names.OPERATION)
    if not isinstance(said, str):
        return None
    kind = OPERATIONS.get(said) or Kind("other", guessed=True)
    if kind.type == "tool_call" and is_handoff_tool(span.attributes.get(names.TOOL_NAME)):
        return Kind("handoff")
    return kind


def _kind(span: ReceivedSpan) -> Kind | None:
    return kind_of_operation(span) or _implied(span)


def _implied(span: ReceivedSpan) -> Kind | None:
    """Without an operation: the rule of the convention's first years, by the names that only one step has."""
    keys = span.attributes.keys()
    if names.TOOL_CALL_ID in keys or names.TOOL_NAME in keys:
        return Kind("handoff" if is_handoff_tool(span.attributes.get(names.TOOL_NAME)) else "tool_call", guessed=True)
    if names.RETRIEVAL_QUERY in keys or names.RETRIEVAL_DOCUMENTS in keys:
        return Kind("retrieval", guessed=True)
    if "gen_ai.embeddings.dimension.count" in keys:
        return Kind("embedding", guessed=True)
    if names.REQUEST_MODEL in keys or names.INPUT_MESSAGES in keys or names.RESPONSE_MODEL in keys:
        return Kind("llm_call", guessed=True)
    return Kind("agent", guessed=True) if names.AGENT_NAME in keys else None


DIALECT = Dialect("otel_genai", recognised_by(key_starts=("gen_ai.",)), _kind)
