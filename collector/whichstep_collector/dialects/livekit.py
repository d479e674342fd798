"""LiveKit Agents: GenAI names on model calls, `lk.*` on the rest; speech is no step."""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool, kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.received import ReceivedSpan

_TOOL: Final = "lk.function_tool.name"
_SPANS: Final = {
    "agent_session": Kind("workflow"),
    "agent_turn": Kind("agent"),
    "llm_node": Kind("none"),
    "llm_request": Kind("llm_call"),
    "llm_request_run": Kind("llm_call"),
}


def _kind(span: ReceivedSpan) -> Kind | None:
    tool = span.attributes.get(_TOOL)
    if isinstance(tool, str):
        return Kind("handoff" if is_handoff_tool(tool) else "tool_call")
    return kind_of_operation(span) or _SPANS.get(span.name) or _calls(span)


def _calls(span: ReceivedSpan) -> Kind:
    return Kind(
        "llm_call" if "gen_ai.request.model" in span.attributes and "lk.response.text" in span.attributes else "none"
    )


def _failed(span: ReceivedSpan) -> str | None:
    failed = coerce.flag(span.attributes.get("lk.function_tool.is_error"))
    return "" if failed else None


def _finish(facts: SpanFacts, _span: ReceivedSpan) -> None:
    if facts.type == "workflow":
        facts.workflow = facts.workflow or facts.agent or facts.step_name


DIALECT = Dialect(
    "livekit",
    recognised_by(scopes=("livekit-agents",), key_starts=("lk.",)),
    _kind,
    fields=(
        Field("agent", coerce.text, ("gen_ai.agent.name", "lk.agent_name", "lk.agent_label")),
        Field("session_id", coerce.text, ("session.id", "gen_ai.conversation.id", "lk.room_name")),
        Field("tool", coerce.text, (_TOOL,)),
        Field("tool_call_id", coerce.call_id, ("lk.function_tool.id",)),
        Field("resend_count", coerce.small_count, ("lk.retry_count",)),
    ),
    texts=TextKeys(
        input=("lk.user_input", "lk.user_transcript", "lk.chat_ctx"),
        output=("lk.response.text", "lk.response.function_calls"),
        arguments=("lk.function_tool.arguments",),
        results=("lk.function_tool.output",),
    ),
    failed=_failed,
    finish=_finish,
)
