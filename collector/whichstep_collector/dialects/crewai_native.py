"""CrewAI's own tracing: GenAI operations with `crewai.*` beside them; an agent's role is its name.

It writes the task's or agent's id where a conversation has none. A failure that a tool reports is sent again as a span
of its own; policies and guardrails are told by names of theirs.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import unquoted
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.identity import run_key
from whichstep_collector.received import ReceivedSpan

_SPANS: Final = {
    "tool failure": "none",
    "evaluate guardrail": "guardrail",
    "evaluate policy": "guardrail",
    "query memory": "retrieval",
    "retrieve memory": "none",
    "save memory": "none",
    "query knowledge": "none",
    "search knowledge": "retrieval",
    "discover skills": "none",
    "connect mcp": "none",
    "execute flow": "workflow",
    "call method": "other",
    "agent reasoning": "other",
    "a2a delegate": "handoff",
    "a2a conversation": "other",
    "a2a server task": "agent",
    "a2a parallel delegate": "handoff",
}
_DELEGATION: Final = frozenset({"delegate_work_to_coworker", "ask_question_to_coworker"})
_FEEDBACK: Final = "crewai.human_feedback."
_NO_INPUTS: Final = "null"
_NO_SESSIONS: Final = ("crewai.task.id", "gen_ai.agent.id", "crewai.execution_uuid", "crewai.crew.id")


def _kind(span: ReceivedSpan) -> Kind | None:
    attributes = span.attributes
    if span.name in _SPANS:
        return Kind(_SPANS[span.name])
    if any(key.startswith(_FEEDBACK) for key in attributes):
        return Kind("approval")
    if is_delegation(attributes.get("gen_ai.tool.name", attributes.get("crewai.mcp.tool_name"))):
        return Kind("handoff")
    return kind_of_operation(span)


def is_delegation(tool: Any) -> bool:
    """Whether a tool is the one by which an agent asks another."""
    return offered_name(tool) in _DELEGATION


def offered_name(tool: Any) -> str | None:
    """The name under which a tool is offered to the model: `Delegate work to coworker` is delegate_work_to_coworker."""
    return tool.lower().replace(" ", "_") if isinstance(tool, str) else None


def _unwrap_result(value: Any) -> ToolResult:
    return ToolResult(unquoted(value))


def _run_key(value: Any) -> bytes | None:
    return run_key("crewai", value) if isinstance(value, str) and value else None


def _failed(span: ReceivedSpan) -> str | None:
    message = span.attributes.get("crewai.tool.failure.message")
    return message if isinstance(message, str) else None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    attributes = span.attributes
    if facts.session_id is not None and any(attributes.get(key) == facts.session_id for key in _NO_SESSIONS):
        facts.session_id = None
    if facts.input == _NO_INPUTS:
        facts.input = facts.input_parts = facts.input_is_list = facts.user_message = None
    subject = coerce.text(attributes.get("crewai.subject"))
    if facts.type in {"workflow", "guardrail"} or span.name in {"execute task", "call method"}:
        facts.step_name = coerce.text(attributes.get("crewai.task.name")) or _named(facts, subject) or facts.step_name
    elif facts.type == "approval":
        facts.step_name = facts.tool = coerce.text(attributes.get(f"{_FEEDBACK}method_name")) or "human_feedback"
    elif facts.type == "agent":
        facts.merge_key = None
    if any(key.endswith(".truncated") for key in attributes):
        facts.flag("truncated")


def _named(facts: SpanFacts, subject: str | None) -> str | None:
    """The subject, unless it is a key, 32 hex digits, or the crew's, which the end of a crew writes on other spans."""
    if subject in {None, facts.workflow} or (len(subject) == 32 and subject.isalnum()):
        return facts.workflow if facts.type == "workflow" else None
    return subject


DIALECT = Dialect(
    "crewai_native",
    recognised_by(key_starts=("crewai.",)),
    _kind,
    fields=(
        Field("agent", coerce.text, ("crewai.agent.role",)),
        Field("workflow", coerce.text, ("gen_ai.workflow.name", "crewai.crew.name", "crewai.flow.name")),
        Field("tool", coerce.text, ("gen_ai.tool.name", "crewai.mcp.tool_name")),
        Field("execution_key", _run_key, ("crewai.execution_uuid",)),
    ),
    texts=TextKeys(
        input=(
            "crewai.conversation.user_message", "crewai.crew.inputs", "crewai.flow.inputs", "crewai.task.description",
        ),
        output=("crewai.crew.output", "crewai.flow.result", "crewai.task.output", "crewai.guardrail.result"),
        arguments=("gen_ai.tool.call.arguments", "crewai.mcp.tool_args", "crewai.human_feedback.message"),
        results=(
            "gen_ai.tool.call.result", "crewai.mcp.tool_result", "crewai.human_feedback.outcome",
            "crewai.human_feedback.feedback",
        ),
        query=("crewai.knowledge.query", "crewai.memory.query"),
        documents=("crewai.memory.results", "crewai.knowledge.retrieved_knowledge"),
    ),
    unwrap_result=_unwrap_result,
    failed=_failed,
    finish=_finish,
)  # fmt: skip
