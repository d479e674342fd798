"""The OpenAI Agents SDK under OpenInference: a call that waits for approval is a tool span that ends without output.

Its workflow is a synthetic agent span over a task span of the same name, turns are chains.
"""

from __future__ import annotations

from typing import Final

from whichstep.attributes import CONTROL_FLOW
from whichstep_collector.dialects import langchain_values, openinference
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_SCOPE: Final = "openinference.instrumentation.openai_agents"
_AT_ONCE_NS: Final = 20_000_000
"""A call that is held ends before anything could have run; most take under a millisecond."""


def _kind(span: ReceivedSpan) -> Kind | None:
    if span.parent_span_id is None and span.attributes.get("openinference.span.kind") == "AGENT":
        return Kind("workflow")
    if span.name == "turn":
        return Kind("none")
    return openinference.kind(span)


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openinference.finish(facts, span)
    attributes = span.attributes
    silent = "input.value" in attributes and "output.value" not in attributes and CONTROL_FLOW not in attributes
    if facts.type == "tool_call" and silent and span.status == 1 and at_once(span):
        hold(facts)


def at_once(span: ReceivedSpan) -> bool:
    """Whether a call ended before anything could have run."""
    return 0 <= span.end - span.start < _AT_ONCE_NS


def hold(facts: SpanFacts) -> None:
    """Makes a call that gave nothing one that waits for a person: a guess, for a tool may return nothing.

    Then the run goes on.
    """
    facts.type, facts.control_flow = "approval", "approval"
    facts.result = None
    facts.flag("guessed")


DIALECT = Dialect(
    "openai_agents",
    recognised_by(scopes=(_SCOPE,)),
    _kind,
    unwrap_result=langchain_values.unwrap_result,
    finish=_finish,
)
