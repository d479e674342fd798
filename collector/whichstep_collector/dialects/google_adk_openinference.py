"""Google ADK under OpenInference, which writes on ADK's own spans as well; values are ADK's events as JSON.

ADK's span of an agent is taken for that of a model call: each call of the agent writes over what the one before left
there. So no call is seen whole, and none of their counts is the agent's.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from whichstep_collector.dialects import google_adk, openinference
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.messages import read_messages
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedSpan

_SCOPE: Final = "openinference.instrumentation.google_adk"
_KIND: Final = "openinference.span.kind"
_AGENT: Final = "invoke_agent "
_INVOCATION: Final = "invocation ["
"""`invocation [APP]`"""
_RUN: Final = "agent_run ["
_WRAPPED: Final = frozenset({"id", "name", "response", "will_continue", "scheduling", "parts"})
_OF_CALLS: Final = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "model",
    "request_model", "provider", "finish_reason", "output", "output_parts", "output_is_list",
)  # fmt: skip


def _recognises(scope: str, present: frozenset[str]) -> bool:
    return scope == _SCOPE or (scope == google_adk.SCOPE and _KIND in present)


def _kind(span: ReceivedSpan) -> Kind | None:
    if span.name.startswith(_AGENT):
        return Kind("agent")
    if is_handoff_tool(span.attributes.get("tool.name")):
        return Kind("handoff")
    return openinference.kind(span) or google_adk.kind_of_name(span.name)


def _unwrap_result(value: Any) -> ToolResult:
    """The response of a function out of its id and name."""
    found = parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict) or "response" not in found or not found.keys() <= _WRAPPED:
        return google_adk.unwrap_result(value)
    return google_adk.unwrap_result(orjson.dumps(found["response"]).decode())


def _unwrap_task(value: Any) -> Task:
    """What a runner is asked, or what an event says; one that tells an error says nothing."""
    found = parse_json(value) if isinstance(value, str) else value
    if isinstance(found, dict) and isinstance(asked := found.get("new_message"), dict):
        return Task(None, read_messages([asked], default_role="user"))
    if not isinstance(found, dict) or not ("content" in found or "error_code" in found):
        return openinference.unwrap_task(value)
    messages = read_messages([found["content"]], default_role="assistant") if found.get("content") else None
    return Task(None, messages)


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openinference.finish(facts, span)
    if span.name.startswith((_AGENT, _RUN)):
        facts.agent = facts.agent or span.name.removeprefix(_AGENT)
        facts.step_name = facts.merge_key = facts.agent
    if facts.type == "workflow" and span.name.startswith(_INVOCATION):
        facts.workflow = facts.step_name = span.name.removeprefix(_INVOCATION).removesuffix("]")
    if span.name.startswith(_AGENT):
        for column in _OF_CALLS:
            setattr(facts, column, None)


DIALECT = Dialect(
    "google_adk_openinference",
    _recognises,
    _kind,
    unwrap_result=_unwrap_result,
    unwrap_task=_unwrap_task,
    finish=_finish,
)
