"""OpenLIT: GenAI names; the tool asked for is on the model's own span, the cost 0 where it knows no price.

Of a LangGraph it tells two trees: LangChain's with all steps, and beside it one of the nodes that repeats their tokens
and errors. That one is left out, and so is the reading of a graph's state.
"""

from __future__ import annotations

from typing import Final

from whichstep import attributes as names
from whichstep_collector.dialects import langchain_values
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.received import ReceivedSpan

_STREAMS: Final = "gen_ai.request.stream"
_COUNTED: Final = "gen_ai.usage.cache_read.input_tokens"
"""Beside what a provider counted. Without it, half of a stream's characters are sent as its tokens."""
_FUNCTION: Final = "function.args"


def _kind(span: ReceivedSpan) -> Kind | None:
    if kind := kind_of_operation(span):
        beside = kind.type in {"agent", "retrieval"} and span.attributes.get(names.PROVIDER) == "langgraph"
        return Kind("none") if beside else kind
    if "guard.verdict" in span.attributes:
        return Kind("guardrail")
    is_decorated = _FUNCTION in span.attributes
    return Kind("workflow" if span.parent_span_id is None else "other") if is_decorated else None


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """Without what this convention writes where nothing is known."""
    if facts.type == "llm_call":
        facts.tool = facts.tool_call_id = None
        if span.attributes.get(_STREAMS) and _COUNTED not in span.attributes:
            facts.input_tokens = facts.output_tokens = None
    elif facts.type == "workflow":
        facts.workflow = facts.workflow or facts.step_name
    if facts.reported_cost_usd == 0:
        facts.reported_cost_usd = None
    if facts.model == "unknown":
        facts.model = facts.request_model = None


DIALECT = Dialect(
    "openlit",
    recognised_by(
        scope_starts=("openlit",),
        keys=("function.args", "gen_ai.application_name", "gen_ai.endpoint", "gen_ai.sdk.version"),
        key_starts=("openlit.", "guard."),
    ),
    _kind,
    fields=(
        Field("time_to_first_token_ms", coerce.seconds_as_ms, ("gen_ai.server.time_to_first_token",)),
        Field("environment", coerce.text, ("deployment.environment", "gen_ai.environment")),
    ),
    texts=TextKeys(
        output=("gen_ai.output.messages",),
        arguments=("gen_ai.tool.call.arguments", "gen_ai.tool.args", "gen_ai.tool.input"),
        results=("gen_ai.tool.call.result", "gen_ai.tool.output", "gen_ai.tool.result"),
        query=("gen_ai.retrieval.query.text", "gen_ai.framework.query.text", "db.query.text"),
    ),
    unwrap_arguments=langchain_values.python_literal,
    unwrap_result=langchain_values.unwrap_result,
    finish=finish,
)
