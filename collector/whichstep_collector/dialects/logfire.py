"""Logfire's own spans and its logs, which it sends as spans without duration; severity is a number of OpenTelemetry.

A span that is still open may be announced by a copy of its own id, `pending_span`, which is no step: the span itself
follows. What Logfire's integrations write follows GenAI names and is read as those. A call whose answer is streamed is
a span that ends when the stream begins, and a log that tells the answer: the log is the step.
"""

from __future__ import annotations

from typing import Final

from whichstep import attributes as names
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import TextKeys
from whichstep_collector.normalising.messages import Message
from whichstep_collector.normalising.response_messages import read_response
from whichstep_collector.received import Attributes, ReceivedSpan

_SPAN_TYPE: Final = "logfire.span_type"
_LEVEL: Final = "logfire.level_num"
_TEMPLATE: Final = "logfire.msg_template"
_NO_STEPS: Final = ("pending_span", "log")
_ERROR_FROM: Final = 17
_RESPONSE: Final = "response_data"
_ANSWERS: Final = frozenset({_RESPONSE, names.OUTPUT_MESSAGES, names.RESPONSE_ID})
_STREAMED: Final = "streaming response"
_FAILED: Final = 2
_OF_OTHERS: Final = (
    names.OPERATION, names.REQUEST_MODEL, names.TOOL_NAME, names.AGENT_NAME, "agent_name", "tools", "mcp.method.name",
    "http.request.method", "http.method", "db.system", "db.system.name", "rpc.system", "openinference.span.kind",
)  # fmt: skip


def _kind(span: ReceivedSpan) -> Kind | None:
    attributes = span.attributes
    if attributes.get(_SPAN_TYPE) in _NO_STEPS:
        return Kind("llm_call" if _is_streamed(attributes) else "none")
    if _begins_stream(span):
        return Kind("none")
    if _TEMPLATE not in attributes or any(key in attributes for key in _OF_OTHERS):
        return None
    return Kind("workflow" if span.parent_span_id is None else "other")


def _is_streamed(attributes: Attributes) -> bool:
    template = attributes.get(_TEMPLATE)
    return isinstance(template, str) and template.startswith(_STREAMED) and names.OPERATION in attributes


def _begins_stream(span: ReceivedSpan) -> bool:
    """Whether it is a request of a client's integration that was answered, and does not tell with what."""
    attributes = span.attributes
    asked = "async" in attributes and "request_data" in attributes and attributes.get(names.OPERATION) == "chat"
    return asked and span.status != _FAILED and not span.events and attributes.keys().isdisjoint(_ANSWERS)


def _failed(span: ReceivedSpan) -> str | None:
    level = span.attributes.get(_LEVEL)
    if not isinstance(level, int) or isinstance(level, bool) or level < _ERROR_FROM or span.status == 1:
        return None
    return coerce.line(span.attributes.get("logfire.msg")) or ""


def _answer(attributes: Attributes) -> list[Message] | None:
    return read_response(attributes[_RESPONSE]) if _RESPONSE in attributes else None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.type == "workflow":
        facts.workflow = facts.workflow or facts.step_name
    elif facts.type == "llm_call" and _is_streamed(span.attributes):
        took = coerce.seconds_as_ms(span.attributes.get("duration"))
        facts.started_at = max(facts.started_at - int((took or 0) * 1_000_000), 0)


DIALECT = Dialect(
    "logfire",
    recognised_by(scope_starts=("logfire",), keys=(_SPAN_TYPE, _TEMPLATE, _LEVEL)),
    _kind,
    texts=TextKeys(input=("request_data",), output=(_RESPONSE,)),
    answer=_answer,
    failed=_failed,
    finish=_finish,
)
