"""smolagents under MLflow: a run tells its agent's name among its settings, a tool only the class that it is of.

Values that are no objects of JSON are wrapped, `{"_value": …}`. What ends a run is a tool, too.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import unquoted
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedSpan

_CALL: Final = ".__call__"
_FINAL: Final = "FinalAnswerTool"
_VALUE: Final = "_value"
_CLASS: Final = "agent_name"


def step_of(span: ReceivedSpan) -> str | None:
    """The step where it is another than the type of MLflow's span says."""
    return "none" if span.name == f"{_FINAL}{_CALL}" else None


def unwrapped(value: Any) -> Any:
    """The value that was wrapped; else the value itself."""
    found = parse_json(value) if isinstance(value, str) and value.startswith('{"_value"') else None
    return found[_VALUE] if isinstance(found, dict) and found.keys() == {_VALUE} else value


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """An agent by its own name; a tool whose class alone is known has none."""
    if facts.type == "agent" and _CLASS in span.attributes:
        named = coerce.text(unquoted(span.attributes.get("name")))
        facts.agent = facts.step_name = named or coerce.text(unquoted(span.attributes[_CLASS])) or facts.step_name
        facts.merge_key = None  # a managed agent may have its manager's name
    elif facts.type == "tool_call" and span.name.endswith(_CALL):
        facts.tool, facts.merge_key, facts.step_name = None, None, span.name.removesuffix(_CALL)
