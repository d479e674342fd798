"""Genkit: `genkit:metadata:subtype` says the step, the name is an attribute, values are JSON, errors a state."""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import unquoted
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import TextKeys
from whichstep_collector.normalising.messages import Message, read_message
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import Attributes, ReceivedSpan

_SUBTYPE: Final = "genkit:metadata:subtype"
_TYPE: Final = "genkit:type"
_NAME: Final = "genkit:name"
_INPUT: Final = "genkit:input"
_OUTPUT: Final = "genkit:output"
_STEPS: Final = {
    "model": "llm_call",
    "background-model": "llm_call",
    "tool": "tool_call",
    "retriever": "retrieval",
    "reranker": "rerank",
    "embedder": "embedding",
    "evaluator": "evaluation",
    "flow": "workflow",
    "agent": "agent",
}


def _kind(span: ReceivedSpan) -> Kind | None:
    attributes = span.attributes
    said = attributes.get(_SUBTYPE, attributes.get(_TYPE))
    name = attributes.get(_NAME, span.name)
    if not isinstance(said, str):
        return None
    step = _STEPS.get(said, "other")
    if step == "tool_call" and is_handoff_tool(name):
        step = "handoff"
    return Kind(step, name=coerce.text(name) if step in {"tool_call", "handoff", "agent"} else None)


def _failed(span: ReceivedSpan) -> str | None:
    return "" if span.attributes.get("genkit:state") == "error" else None


def _answer(attributes: Attributes) -> list[Message] | None:
    message = read_message(coerce.json_object(attributes.get(_OUTPUT)).get("message"), default_role="assistant")
    return [message] if message else None


def _unwrap_result(value: Any) -> ToolResult:
    return ToolResult(unquoted(value))


def _unwrap_task(value: Any) -> Task:
    return Task(unquoted(value))


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    name = coerce.text(span.attributes.get(_NAME))
    if facts.type == "llm_call":
        facts.model = facts.model or (name.rsplit("/", 1)[-1] if name else None)
        facts.step_name = facts.model or facts.step_name
        if facts.input_tokens is None and facts.output_tokens is None:
            usage = coerce.json_object(span.attributes.get(_OUTPUT)).get("usage")
            for column, count in read_usage(usage)._asdict().items():
                setattr(facts, column, count)
    elif facts.type == "workflow":
        facts.workflow = facts.step_name = name or facts.step_name


DIALECT = Dialect(
    "genkit",
    recognised_by(scopes=("genkit-tracer",), key_starts=("genkit:",)),
    _kind,
    texts=TextKeys(
        input=(_INPUT,),
        output=(_OUTPUT,),
        arguments=(_INPUT,),
        results=(_OUTPUT,),
        query=(_INPUT,),
        documents=(_OUTPUT,),
    ),
    unwrap_result=_unwrap_result,
    unwrap_task=_unwrap_task,
    failed=_failed,
    answer=_answer,
    finish=_finish,
)
