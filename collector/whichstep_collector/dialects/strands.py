"""Strands Agents: GenAI names, the words in span events, an agent's tokens summed over its whole life.

A turn of the agent's loop is a span of its own. It writes `strands-agents` where the provider belongs, and
milliseconds where others write seconds.
"""

from __future__ import annotations

import re
from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.event_texts import read_tool_events
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field
from whichstep_collector.normalising.python_text import read_python
from whichstep_collector.normalising.told import Call
from whichstep_collector.received import ReceivedSpan

_CYCLE: Final = "event_loop.cycle_id"
_CANCELLED: Final = "strands.cancellation.type"
_ERROR: Final = re.compile(r"Error: (\w+) - (.*)", re.DOTALL)
_STOPPED: Final = re.compile(r"v\d+:(?:before_)?tool_call:(.+):[^:]+$")


def _kind(span: ReceivedSpan) -> Kind | None:
    return kind_of_operation(span) or (Kind("other") if _CYCLE in span.attributes else None)


def _held(span: ReceivedSpan) -> list[Call]:
    """An agent that waits answers with its interrupts; the id of one names the call that it stopped."""
    if span.attributes.get("gen_ai.operation.name") != "invoke_agent":
        return []
    said = [event.attributes for event in span.events if event.name == "gen_ai.choice"]
    interrupts = [read_python(told.get("message")) for told in said if told.get("finish_reason") == "interrupt"]
    return [
        Call(str(interrupt.get("name")), stopped[1] if (stopped := _STOPPED.match(str(interrupt.get("id")))) else None)
        for listed in interrupts
        for interrupt in (listed if isinstance(listed, list) else ())
        if isinstance(interrupt, dict) and interrupt.get("name")
    ]


def _failed(span: ReceivedSpan) -> str | None:
    """Before version 1.10 an error is in the status of the tool and, as `Error: TYPE - MESSAGE`, in its result."""
    if span.attributes.get("tool.status") != "error":
        return None
    result = read_tool_events(span.events).result
    words = _ERROR.match(result) if isinstance(result, str) else None
    return f"{words[1]}: {words[2]}" if words else str(result or "")


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if _CYCLE in span.attributes:
        facts.step_name = "event_loop_cycle"
    if _CANCELLED in span.attributes and span.status == 0:
        facts.control_flow, facts.error = "cancelled", False


DIALECT = Dialect(
    "strands",
    recognised_by(scopes=("strands.telemetry.tracer", "strands-agents"), keys=(_CYCLE, _CANCELLED)),
    _kind,
    fields=(Field("time_to_first_token_ms", coerce.amount, ("gen_ai.server.time_to_first_token",)),),
    held=_held,
    failed=_failed,
    finish=_finish,
)
