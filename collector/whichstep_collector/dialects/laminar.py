"""Laminar: `lmnr.span.type` says the step, values are JSON, tokens and models under GenAI names."""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import arguments_of, unquoted, words_of
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.messages import Message
from whichstep_collector.normalising.response_messages import read_response
from whichstep_collector.received import Attributes, ReceivedSpan

_TYPE: Final = "lmnr.span.type"
_INPUT: Final = "lmnr.span.input"
_OUTPUT: Final = "lmnr.span.output"
_TYPES: Final = {
    "LLM": "llm_call",
    "CACHED": "llm_call",
    "TOOL": "tool_call",
    "EXECUTOR": "agent",
    "EVALUATOR": "evaluation",
    "HUMAN_EVALUATOR": "evaluation",
    "EVALUATION": "evaluation",
}


def _kind(span: ReceivedSpan) -> Kind | None:
    said = span.attributes.get(_TYPE)
    if not isinstance(said, str):
        return None
    if said == "TOOL" and is_handoff_tool(span.name):
        return Kind("handoff", name=span.name)
    if said in _TYPES:
        return Kind(_TYPES[said], name=span.name if said in {"TOOL", "EXECUTOR"} else None)
    return Kind("workflow" if span.parent_span_id is None else "other")


def _unwrap_result(value: Any) -> ToolResult:
    return ToolResult(unquoted(value))


def _unwrap_task(value: Any) -> Task:
    return Task(words_of(unquoted(value)))


def _answer(attributes: Attributes) -> list[Message] | None:
    return read_response(attributes.get(_OUTPUT))


def _finish(facts: SpanFacts, _span: ReceivedSpan) -> None:
    if facts.type == "workflow":
        facts.workflow = facts.workflow or facts.step_name


DIALECT = Dialect(
    "laminar",
    recognised_by(keys=(_TYPE,), key_starts=("lmnr.span.",)),
    _kind,
    fields=(
        Field("session_id", coerce.text, ("session.id", "lmnr.association.properties.session_id")),
        Field("user_id", coerce.text, ("user.id", "lmnr.association.properties.user_id")),
    ),
    texts=TextKeys(input=(_INPUT,), output=(_OUTPUT,), arguments=(_INPUT,), results=(_OUTPUT,)),
    unwrap_arguments=arguments_of,
    unwrap_result=_unwrap_result,
    unwrap_task=_unwrap_task,
    answer=_answer,
    finish=_finish,
)
