"""CrewAI under OpenLIT: a crew, its agents, the tools that run others; the rest is told by the model's client.

The executor of an agent is a flow of CrewAI's own, and of a flow's methods only the making of their coroutines is seen:
those are no steps. A span that failed says nothing but its name.
"""

from __future__ import annotations

from typing import Final

from whichstep import attributes as names
from whichstep_collector.dialects import openlit
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.crewai_native import is_delegation, offered_name
from whichstep_collector.dialects.otel_genai import OPERATIONS
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_EXECUTOR: Final = "AgentExecutor"


def _kind(span: ReceivedSpan) -> Kind | None:
    operation, _, name = span.name.partition(" ")
    kind = OPERATIONS.get(operation)
    is_method = operation == "invoke_agent" and span.status != 2 and names.AGENT_NAME not in span.attributes
    if kind is None or name == _EXECUTOR or is_method:
        return Kind("none")
    if kind.type == "tool_call" and is_delegation(name):
        return Kind("handoff", name=name)
    return kind._replace(name=name)


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openlit.finish(facts, span)
    if facts.type == "handoff":
        facts.tool = offered_name(facts.tool)
        facts.step_name = facts.tool or facts.step_name
    elif facts.type == "agent":
        facts.merge_key = None  # an agent below another is asked by it


DIALECT = Dialect("crewai_openlit", recognised_by(scopes=("openlit.instrumentation.crewai",)), _kind, finish=_finish)
