"""AG2: `ag2.span.type` beside GenAI names. A call's usage is sent again as a span of its own; so is a person's word."""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import TextKeys
from whichstep_collector.received import ReceivedSpan

_TYPE: Final = "ag2.span.type"
_TYPES: Final = {
    "human_input": Kind("approval"),
    "usage": Kind("none"),
    "envelope": Kind("none"),
    "channel": Kind("none"),
    "task": Kind("other"),
    "agent_lifetime": Kind("none", setup=True),
    "agent_event": Kind("none", setup=True),
    "agent": Kind("agent"),
    "conversation": Kind("workflow"),
    "multi_conversation": Kind("workflow"),
    "llm": Kind("llm_call"),
    "tool": Kind("tool_call"),
    "code_execution": Kind("tool_call"),
    "speaker_selection": Kind("other"),
}


def _kind(span: ReceivedSpan) -> Kind | None:
    said = span.attributes.get(_TYPE)
    kind = _TYPES.get(said) if isinstance(said, str) else None
    return kind if kind and kind.type != "tool_call" else kind_of_operation(span) or kind


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.type == "approval":
        facts.step_name = facts.tool = "await_human_input"
    elif facts.type == "agent":
        facts.agent = facts.agent or span.name


DIALECT = Dialect(
    "ag2",
    recognised_by(scopes=("opentelemetry.instrumentation.ag2",), key_starts=("ag2.",)),
    _kind,
    texts=TextKeys(
        arguments=("gen_ai.tool.call.arguments", "ag2.human_input.prompt"),
        results=("gen_ai.tool.call.result", "ag2.human_input.response"),
    ),
    finish=_finish,
)
