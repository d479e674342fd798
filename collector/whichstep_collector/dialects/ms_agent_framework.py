"""Microsoft Agent Framework: GenAI names for agents, calls and tools; workflows in spans of its own around them.

Building a workflow is a trace of its own and no run. Messages and edges between executors are no steps.
"""

from __future__ import annotations

from typing import Final

from whichstep.attributes import OUTPUT_MESSAGES
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field
from whichstep_collector.normalising.messages import dicts, parts_of
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.told import Call
from whichstep_collector.received import ReceivedSpan

_SPANS: Final = {
    "workflow.build": Kind("none", setup=True),
    "workflow.run": Kind("workflow"),
    "message.send": Kind("none"),
}
_EXECUTOR: Final = "executor.process"
_ASKS: Final = "function_approval_request"
_EDGES: Final = "edge_group.process"


def _kind(span: ReceivedSpan) -> Kind | None:
    if kind := kind_of_operation(span):
        return kind
    word = span.name.split(" ", 1)[0]
    if word == _EXECUTOR:
        return Kind("other")
    return Kind("none") if word == _EDGES else _SPANS.get(word)


def _held(span: ReceivedSpan) -> list[Call]:
    """The calls that an agent's answer asks a person to approve."""
    messages = parse_json(said) if isinstance(said := span.attributes.get(OUTPUT_MESSAGES), str) else None
    parts = [part for message in dicts(messages) for part in parts_of(message)]
    calls = [part.get("function_call") for part in parts if part.get("type") == _ASKS]
    return [
        Call(name, coerce.text(call.get("call_id")), call.get("arguments"))
        for call in dicts(calls)
        if (name := coerce.text(call.get("name")))
    ]


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if span.name.startswith(f"{_EXECUTOR} "):
        facts.step_name = span.name.split(" ", 1)[1]
    elif facts.type == "workflow":
        facts.workflow = facts.workflow or facts.step_name


DIALECT = Dialect(
    "ms_agent_framework",
    recognised_by(
        scopes=("agent_framework",), scope_starts=("agent_framework.",), key_starts=("executor.", "edge_group.")
    ),
    _kind,
    fields=(
        Field("tool", coerce.text, ("gen_ai.tool.name", "agent_framework.function.name")),
        Field("workflow", coerce.text, ("gen_ai.workflow.name", "workflow.name")),
    ),
    held=_held,
    finish=_finish,
)
