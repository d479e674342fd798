"""Pydantic AI's own spans, all its formats: GenAI operations, and before them the names `agent run`, `running tool`.

An agent's answer is `final_result`. `pydantic_ai.all_messages` is all that was said, turns before this one included,
which end at `pydantic_ai.new_message_index`; what the user asked comes first after it. A tool that asks the
model to try again is sent as `ToolRetryError`; what failed is in its words. A call that waits for a person or for
somebody else to run it is listed in the agent's answer. OpenInference adds its names to these spans, taking none away;
a copy with which Logfire announces one is Logfire's.
"""

from __future__ import annotations

import re
from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, Task, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool, kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.contents import preview
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.messages import Message, asked_text, message_text, read_messages
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.told import Call
from whichstep_collector.received import ReceivedSpan

_RETRY_TYPES: Final = frozenset({"ToolRetryError", "ModelRetry"})
_CAUSE: Final = re.compile(r"([A-Z]\w*(?:Error|Exception|Timeout|Failure|Exceeded|Interrupt))\b(?:: |$)")
_ADVICE: Final = "\n\nFix the errors and try again."
"""What version 1 adds to the result, where alone it says what failed."""
_NO_STEPS: Final = re.compile(r"running (?:\d+ )?tools?")
_ASKS: Final = re.compile(r'\{"calls":\s*\[.*?\],\s*"approvals":\s*\[', re.DOTALL)
_OUTPUT_FUNCTION: Final = "running output function"


def _kind(span: ReceivedSpan) -> Kind | None:
    if span.attributes.get("logfire.span_type") == "pending_span":
        return None
    if kind := kind_of_operation(span):
        return kind
    tool = span.attributes.get("gen_ai.tool.name")
    if isinstance(tool, str) or span.name.startswith(_OUTPUT_FUNCTION):
        return Kind("handoff" if is_handoff_tool(tool) else "tool_call")
    if span.name == "agent run" or span.name.endswith(" run") or "agent_name" in span.attributes:
        return Kind("agent")
    if _NO_STEPS.fullmatch(span.name):
        return Kind("none")
    return None


def _unwrap_task(value: Any) -> Task:
    found = parse_json(value) if isinstance(value, str) else value
    if isinstance(found, (list, tuple)) and (messages := read_messages(found, default_role="user")):
        return Task(found, messages)
    return Task(value)


def _held(span: ReceivedSpan) -> list[Call]:
    """The approvals that a run which ended early asks for; calls that somebody else is to run need no person."""
    requests = coerce.json_object(span.attributes.get("final_result")).get("approvals")
    if not isinstance(requests, list):
        return []
    calls = [request for request in requests if isinstance(request, dict)]
    return [
        Call(name, coerce.text(call.get("tool_call_id")), call.get("args"))
        for call in calls
        if (name := coerce.text(call.get("tool_name")))
    ]


def _asked(span: ReceivedSpan) -> str | None:
    """What the user asked in this turn; where it goes on after an approval without words, what was asked before."""
    messages = read_messages(span.attributes.get("pydantic_ai.all_messages"), default_role="user") or []
    start = _start_of_turn(messages, span.attributes.get("pydantic_ai.new_message_index"))
    words = (message_text(message) for message in messages[start:] if message["role"] == "user")
    return next(filter(None, words), None) or asked_text(messages[:start])


def _start_of_turn(messages: list[Message], index: Any) -> int:
    """Where among these messages Pydantic AI's own message of that index begins: one request tells of several roles."""
    told, follows_answer = -1, True
    for at, message in enumerate(messages):
        is_answer = message["role"] == "assistant"
        told += is_answer or follows_answer
        if told == index:
            return at
        follows_answer = is_answer
    return 0


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.error_type in _RETRY_TYPES:
        words = facts.error_message or (facts.result or "").removesuffix(_ADVICE)
        cause = _CAUSE.match(words)
        facts.error_type = cause[1] if cause else None
        facts.error_message = (words[cause.end() :] if cause else words) or words or None
    if facts.type == "agent":
        if _ASKS.match(facts.output or ""):
            facts.output = facts.output_parts = facts.output_is_list = None  # it only asks for approvals
        if facts.user_message is not None and (said := _asked(span)):
            facts.user_message = preview(said)
        facts.merge_key = None  # an agent inside an agent of the same name is another run


DIALECT = Dialect(
    "pydantic_ai",
    recognised_by(scopes=("pydantic-ai",), key_starts=("pydantic_ai.",)),
    _kind,
    fields=(
        Field("agent", coerce.text, ("gen_ai.agent.name", "agent_name")),
        Field("model", coerce.text, ("gen_ai.response.model", "gen_ai.request.model", "model_name")),
    ),
    texts=TextKeys(
        input=("pydantic_ai.all_messages", "all_messages_events", "events"),
        output=("final_result",),
        arguments=("gen_ai.tool.call.arguments", "tool_arguments"),
        results=("gen_ai.tool.call.result", "tool_response"),
    ),
    unwrap_task=_unwrap_task,
    held=_held,
    finish=_finish,
)
