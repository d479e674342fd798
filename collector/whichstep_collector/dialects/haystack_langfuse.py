"""Haystack through Langfuse: observations whose metadata is what Haystack's own tracing tells of a span.

An agent in a pipeline is a component, and its run an agent of no name below it. A tool's error is in its output.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import haystack_values, langfuse
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.haystack_calls import words_of_failure
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import unquoted
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_TAGS: Final = "langfuse.observation.metadata.haystack."
_FAILED: Final = f"{_TAGS}tool.error"
_OUTPUT: Final = "langfuse.observation.output"
_AGENT_RUN: Final = "haystack.agent.run"
_AGENT_STEP: Final = "agent step "


def _kind(span: ReceivedSpan) -> Kind | None:
    if (tool := _tag(span, "tool.name")) is not None:
        return Kind("handoff" if is_handoff_tool(tool) else "tool_call", name=tool)
    if _tag(span, "component.type") == "Agent":
        return Kind("agent", name=_tag(span, "component.name"))
    return Kind("agent") if span.name == _AGENT_RUN else langfuse.kind(span)


def _tag(span: ReceivedSpan, name: str) -> str | None:
    return coerce.text(unquoted(span.attributes.get(f"{_TAGS}{name}")))


def _unwrap_task(value: Any) -> Task:
    task = haystack_values.unwrap_task(value)
    return langfuse.unwrap_task(value) if task.messages is None and task.value is value else task


def _unwrap_result(value: Any) -> ToolResult:
    said = coerce.json_object(value).get("error")
    return ToolResult(words_of_failure(said) if isinstance(said, str) else value)


def _failed(span: ReceivedSpan) -> str | None:
    if not coerce.flag(span.attributes.get(_FAILED)):
        return langfuse.failed(span)
    said = coerce.json_object(span.attributes.get(_OUTPUT)).get("error")
    return words_of_failure(said) if isinstance(said, str) else ""


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    langfuse.finish(facts, span)
    if facts.type == "agent":
        facts.step_name, facts.merge_key = facts.agent or "agent", _AGENT_RUN
    elif span.name.startswith(_AGENT_STEP):
        facts.step_name = "agent_step"


DIALECT = Dialect(
    "haystack_langfuse",
    recognised_by(key_starts=(_TAGS,)),
    _kind,
    unwrap_arguments=langfuse.unwrap_arguments,
    unwrap_result=_unwrap_result,
    unwrap_task=_unwrap_task,
    unwrap_query=langfuse.unwrap_query,
    failed=_failed,
    finish=_finish,
)
