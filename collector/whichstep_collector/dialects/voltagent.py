"""VoltAgent: `span.type` says the step of a child, `entity.type` that of a root; a child repeats its agent's entity."""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.received import ReceivedSpan

_KINDS: Final = {
    "agent": "agent",
    "llm": "llm_call",
    "tool": "tool_call",
    "memory": "none",
    "retriever": "retrieval",
    "workflow": "workflow",
    "workflow-step": "other",
    "guardrail": "guardrail",
    "embedding": "embedding",
}


def _kind(span: ReceivedSpan) -> Kind | None:
    for key in ("span.type", "entity.type"):
        said = span.attributes.get(key)
        if isinstance(said, str) and said in _KINDS:
            tool = span.attributes.get("tool.name")
            return Kind("handoff") if said == "tool" and is_handoff_tool(tool) else Kind(_KINDS[said])
    return None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.type == "workflow":
        facts.workflow = facts.workflow or coerce.text(span.attributes.get("entity.name")) or facts.step_name


DIALECT = Dialect(
    "voltagent",
    recognised_by(keys=("entity.type",), key_starts=("voltagent.",)),
    _kind,
    fields=(
        Field("agent", coerce.text, ("gen_ai.agent.name", "entity.name")),
        Field(
            "session_id", coerce.text, ("session.id", "voltagent.conversation_id", "conversation.id", "conversationId")
        ),
        Field("user_id", coerce.text, ("user.id", "userId")),
        Field("model", coerce.text, ("llm.model", "ai.model.name")),
        Field("input_tokens", coerce.count, ("llm.usage.prompt_tokens", "usage.prompt_tokens")),
        Field("output_tokens", coerce.count, ("llm.usage.completion_tokens", "usage.completion_tokens")),
    ),
    texts=TextKeys(input=("agent.messages", "llm.messages", "input"), arguments=("input",), results=("output",)),
    finish=_finish,
)
