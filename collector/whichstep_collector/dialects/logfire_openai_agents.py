"""The OpenAI Agents SDK under Logfire: a span's template says its step, its name stands in an attribute.

The run is a trace over a task, turns are spans of their own. A call of the Responses API tells in one list what was
sent and what was answered. A run that goes on after a person's decision is another trace, begun by its task.
"""

from __future__ import annotations

from typing import Final

from whichstep import attributes as names
from whichstep_collector.dialects import openai_agents
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.messages import Message, read_messages
from whichstep_collector.normalising.response_messages import read_response
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import Attributes, ReceivedSpan

_TEMPLATE: Final = "logfire.msg_template"
_RESPONSE: Final = "response"
_OUTPUT: Final = "output"
_STEPS: Final = (
    ("OpenAI Agents trace: ", None),
    ("Task: ", None),
    ("Turn ", "none"),
    ("Agent run: ", "agent"),
    ("Function: ", "tool_call"),
    ("Responses API", "llm_call"),
    ("Chat completion with ", "llm_call"),
    ("Handoff: ", "handoff"),
    ("Guardrail ", "guardrail"),
    ("MCP: list tools", "none"),
)
"""How templates begin, and the step; None: the outermost is the workflow."""
_NAMED: Final = frozenset({"agent", "tool_call", "workflow", "guardrail", "other"})


def _kind(span: ReceivedSpan) -> Kind | None:
    template = span.attributes.get(_TEMPLATE)
    if not isinstance(template, str) or span.attributes.get("logfire.span_type") == "pending_span":
        return None
    step = next((step for begins, step in _STEPS if template.startswith(begins)), None)
    step = step or ("workflow" if span.parent_span_id is None else "other")
    return Kind(step, name=coerce.text(span.attributes.get("name")) if step in _NAMED else None)


def _sent(attributes: Attributes) -> list[Message] | None:
    """The messages of a call's list but the answer's, which are its last."""
    messages = read_messages(attributes.get("events"), default_role="user") or []
    while _RESPONSE in attributes and messages and messages[-1].get("role") == "assistant":
        messages.pop()
    return messages or None


def _answer(attributes: Attributes) -> list[Message] | None:
    return read_response(attributes.get(_RESPONSE))


def _failed(span: ReceivedSpan) -> str | None:
    error = coerce.json_object(span.attributes.get("error"))
    if not error:
        return None
    data = error.get("data")
    told = coerce.line(data.get("error")) if isinstance(data, dict) else None
    return told or coerce.line(error.get("message")) or ""


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    attributes = span.attributes
    if facts.type == "llm_call":
        # beside the tokens, what part of them was in the cache, and what was thought
        facts.fill(read_usage(attributes.get("usage"), cache_apart=False)._asdict())
    elif facts.type == "handoff":
        to_agent = coerce.text(attributes.get("to_agent"))
        facts.step_name = f"handoff to {to_agent}" if to_agent else "handoff"
    elif facts.type == "tool_call":
        if attributes.get(_OUTPUT) == "null" and openai_agents.at_once(span):
            openai_agents.hold(facts)
    elif facts.type in _NAMED:
        facts.step_name = coerce.text(attributes.get("name")) or facts.step_name
        if facts.type == "workflow":
            facts.workflow = facts.workflow or facts.step_name
        elif facts.type == "agent":
            facts.agent = facts.agent or facts.step_name


DIALECT = Dialect(
    "logfire_openai_agents",
    recognised_by(scopes=("logfire.openai_agents",)),
    _kind,
    fields=(Field("session_id", coerce.text, (names.SESSION_ID, names.CONVERSATION_ID, "group_id")),),
    texts=TextKeys(
        input=("input", "raw_input"),
        output=(_OUTPUT,),
        arguments=("input", "from_agent"),
        results=(_OUTPUT, "to_agent"),
    ),
    sent=_sent,
    answer=_answer,
    failed=_failed,
    finish=_finish,
)
