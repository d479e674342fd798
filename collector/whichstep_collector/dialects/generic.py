"""Spans of no known convention, hand-written ones above all: names that speak for themselves, else a plain step."""

from __future__ import annotations

import re
from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_NAMES: Final = (
    (re.compile(r"(?:execute_tool|tools/call) .+|tool[._: ].+|.+\.tool"), "tool_call"),
    (re.compile(r"(?:chat|text_completion|generate_content) .+|.+\.(?:chat|completion)"), "llm_call"),
    (re.compile(r"embeddings .+"), "embedding"),
    (re.compile(r"retrieval .+|retriever?[._: ].+|resources/read .+"), "retrieval"),
    (re.compile(r"invoke_agent ?.*|agent run|.+\.agent"), "agent"),
    (re.compile(r"invoke_workflow ?.*|.+\.workflow"), "workflow"),
)


def _recognises(_scope: str, _keys: frozenset[str]) -> bool:
    return True


def _kind(span: ReceivedSpan) -> Kind:
    tool = span.attributes.get("tool.name")
    if isinstance(tool, str):
        return Kind("handoff" if is_handoff_tool(tool) else "tool_call", guessed=True)
    for pattern, step in _NAMES:
        if pattern.fullmatch(span.name):
            return Kind(step, guessed=True)
    return Kind("workflow" if span.parent_span_id is None else "other", guessed=True)


def _finish(facts: SpanFacts, _span: ReceivedSpan) -> None:
    if facts.type == "workflow" and facts.workflow is None:
        facts.workflow = facts.step_name


DIALECT = Dialect("unknown", _recognises, _kind, finish=_finish)
