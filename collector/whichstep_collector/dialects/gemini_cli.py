"""Gemini CLI: operations of its own (`llm_call`, `tool_call`, `agent_call`); what gathers tool calls is no step."""

from __future__ import annotations

from typing import Final

from whichstep import attributes as names
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_OPERATIONS: Final = {"schedule_tool_calls": "none", "user_prompt": "agent", "system_prompt": "none"}


def _kind(span: ReceivedSpan) -> Kind | None:
    said = span.attributes.get(names.OPERATION)
    return Kind(_OPERATIONS[said]) if isinstance(said, str) and said in _OPERATIONS else kind_of_operation(span)


def _finish(facts: SpanFacts, _span: ReceivedSpan) -> None:
    if facts.type == "agent":
        facts.merge_key = None  # a sub-agent has the name of its caller


DIALECT = Dialect("gemini_cli", recognised_by(scope_starts=("gemini-cli", "gemini_cli")), _kind, finish=_finish)
