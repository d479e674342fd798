"""Haystack's own tracing: pipelines, components and agents, each named by its span.

The type of a component says what it does (`…Retriever`, `…Generator`). Values are JSON, and only there where content
tracing is on.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import haystack_values
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import unquoted
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.messages import Message
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import Attributes, ReceivedSpan

_COMPONENT: Final = "haystack.component.type"
_SPANS: Final = {
    "haystack.pipeline.run": "workflow",
    "haystack.async_pipeline.run": "workflow",
    "haystack.agent.run": "agent",
    "haystack.agent.step": "other",
    "haystack.agent.step.llm": "llm_call",
    "haystack.chat_generator.run": "llm_call",
    "haystack.agent.step.tool": "tool_call",
}
_COMPONENTS: Final = (
    ("Generator", "llm_call"),
    ("Retriever", "retrieval"),
    ("Ranker", "rerank"),
    ("Embedder", "embedding"),
    ("WebSearch", "retrieval"),
)
_LLM_OUTPUTS: Final = (
    "haystack.agent.step.llm.output", "haystack.chat_generator.output", "haystack.component.output",
)  # fmt: skip
_TOOL: Final = "haystack.tool.name"
_AGENT_COMPONENT: Final = "Agent"


def _kind(span: ReceivedSpan) -> Kind | None:
    if span.name == "haystack.component.run":
        return Kind(component_kind(span.attributes.get(_COMPONENT)))
    step = _SPANS.get(span.name)
    if step == "tool_call" and is_handoff_tool(span.attributes.get(_TOOL)):
        step = "handoff"
    return None if step is None else Kind(step)


def component_kind(type_name: Any) -> str:
    """The step that a component of this type is; the run of an agent is told by a span of its own below it."""
    if not isinstance(type_name, str):
        return "other"
    if type_name == _AGENT_COMPONENT:
        return "none"
    return next((step for ending, step in _COMPONENTS if type_name.endswith(ending)), "other")


def _answer(attributes: Attributes) -> list[Message] | None:
    for key in _LLM_OUTPUTS:
        if key in attributes:
            return haystack_values.read_chat(attributes[key], "replies")
    return None


def _failed(span: ReceivedSpan) -> str | None:
    error = span.attributes.get("haystack.tool.error")
    if coerce.flag(error):
        return ""
    return error if isinstance(error, str) and coerce.flag(error) is None and error else None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    attributes = span.attributes
    name = coerce.text(attributes.get("haystack.component.name"))
    if facts.type in {"workflow", "agent"}:
        facts.step_name = span.name.split(".")[1]
        facts.merge_key = None
    elif span.name == "haystack.agent.step":
        facts.step_name = "agent_step"
    elif name is not None and facts.type != "llm_call":
        facts.step_name, facts.merge_key = name, None
    if facts.type == "llm_call":
        _put_meta(facts, attributes)


def _put_meta(facts: SpanFacts, attributes: Attributes) -> None:
    meta = next((haystack_values.meta_of(attributes[key]) for key in _LLM_OUTPUTS if key in attributes), {})
    if facts.model is None:
        facts.model = coerce.text(meta.get("model"))
        facts.step_name = facts.model or facts.step_name
    facts.finish_reason = facts.finish_reason or coerce.text(meta.get("finish_reason"))
    if facts.input_tokens is None and facts.output_tokens is None:
        for column, count in read_usage(meta.get("usage"))._asdict().items():
            setattr(facts, column, count)


_INPUTS: Final = (
    "haystack.agent.step.llm.input", "haystack.chat_generator.input", "haystack.component.input",
    "haystack.agent.input",
    "haystack.pipeline.input_data",
)  # fmt: skip
_OUTPUTS: Final = (*_LLM_OUTPUTS, "haystack.agent.output", "haystack.pipeline.output_data")

DIALECT = Dialect(
    "haystack",
    recognised_by(key_starts=("haystack.",)),
    _kind,
    fields=(Field("tool", coerce.text, (_TOOL,)),),
    texts=TextKeys(
        input=_INPUTS,
        output=_OUTPUTS,
        arguments=("haystack.agent.step.tool.input",),
        results=("haystack.agent.step.tool.output",),
        query=("haystack.component.input",),
        documents=("haystack.component.output",),
    ),
    unwrap_arguments=unquoted,
    unwrap_task=haystack_values.unwrap_task,
    unwrap_query=haystack_values.unwrap_query,
    answer=_answer,
    failed=_failed,
    finish=_finish,
)
