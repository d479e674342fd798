"""MCP: a client's and a server's span of one request, and often `execute_tool` above them: one step.

Requests other than a tool's call and a resource's read are no steps.
"""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import TextKeys
from whichstep_collector.received import ReceivedSpan

_METHOD: Final = "mcp.method.name"
_METHODS: Final = {"tools/call": "tool_call", "resources/read": "retrieval"}


def _kind(span: ReceivedSpan) -> Kind | None:
    method = span.attributes.get(_METHOD)
    if not isinstance(method, str):
        return None
    target = span.name.removeprefix(f"{method} ") if span.name.startswith(f"{method} ") else None
    step = _METHODS.get(method, "none")
    if step == "tool_call" and is_handoff_tool(span.attributes.get("gen_ai.tool.name", target)):
        step = "handoff"
    return Kind(step, name=target)


def _finish(facts: SpanFacts, _span: ReceivedSpan) -> None:
    if facts.type == "retrieval" and facts.tool:
        facts.step_name = facts.merge_key = facts.tool
        facts.tool = None


DIALECT = Dialect(
    "mcp",
    recognised_by(keys=(_METHOD,)),
    _kind,
    texts=TextKeys(
        arguments=("gen_ai.tool.call.arguments", "mcp.request.argument"),
        results=("gen_ai.tool.call.result", "mcp.response.value"),
        query=("mcp.resource.uri",),
    ),
    finish=_finish,
)
