"""Spans of our own SDK: they say their step."""

from __future__ import annotations

from typing import Final

from whichstep import attributes as names
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan


def _kind(span: ReceivedSpan) -> Kind | None:
    said = span.attributes.get(names.STEP_TYPE)
    return Kind(said) if said in names.STEP_TYPES else None


_HELD: Final = frozenset({"tool_call", "approval"})


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    name = span.attributes.get(names.STEP_NAME)
    if isinstance(name, str) and name:
        facts.step_name = name
    if facts.type == "workflow" and facts.workflow is None:
        facts.workflow = facts.step_name
    if names.POLICY_DIGEST in span.attributes:
        facts.flag("under_policy")
    if span.attributes.get(names.WHOLE_TRACE) is True:
        facts.flag("whole_trace")
    # What our SDK writes is no second sight of another span, but for what the gate writes inside of a framework's call.
    is_held = facts.type in _HELD and names.ACTION in span.attributes
    facts.merge_key = facts.step_name if is_held else None


DIALECT = Dialect("whichstep", recognised_by(scopes=(names.SCOPE,), keys=(names.STEP_TYPE,)), _kind, finish=_finish)
