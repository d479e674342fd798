"""Codex CLI: spans of its runtime, of which a turn is the agent and what counted tokens is a model call.

Every event of a model's stream is a span; only the one that completes the answer has its usage. Prompts, arguments
and decisions are log records.
"""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field
from whichstep_collector.received import ReceivedSpan

_USAGE: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
_TURN: Final = "session_task.turn"


def _kind(span: ReceivedSpan) -> Kind | None:
    if kind := kind_of_operation(span):
        return kind
    if span.name == _TURN:
        return Kind("agent")
    if any(key in span.attributes for key in _USAGE):
        return Kind("llm_call")
    return Kind("none")


def _finish(facts: SpanFacts, _span: ReceivedSpan) -> None:
    if facts.type == "agent":
        facts.agent = facts.step_name = facts.agent or "codex"
        facts.merge_key = None
    elif facts.type == "llm_call":
        facts.provider = facts.provider or "openai"


DIALECT = Dialect(
    "codex",
    recognised_by(scope_starts=("codex",), key_starts=("codex.",)),
    _kind,
    fields=(
        Field("session_id", coerce.text, ("conversation.id", "thread.id")),
        Field("user_id", coerce.text, ("user.account_id",)),
        Field("model", coerce.text, ("gen_ai.response.model", "gen_ai.request.model", "model", "slug")),
        Field("tool", coerce.text, ("gen_ai.tool.name", "tool_name")),
        Field("tool_call_id", coerce.call_id, ("gen_ai.tool.call.id", "call_id")),
        Field("input_tokens", coerce.count, (_USAGE[0], "codex.turn.token_usage.input_tokens", "input_token_count")),
        Field("output_tokens", coerce.count, (_USAGE[1], "codex.turn.token_usage.output_tokens", "output_token_count")),
        Field(
            "cache_read_tokens",
            coerce.count,
            (
                "gen_ai.usage.cache_read.input_tokens", "codex.turn.token_usage.cached_input_tokens",
                "cached_token_count",
            ),
        ),
        Field(
            "reasoning_tokens",
            coerce.count,
            (
                "codex.usage.reasoning_output_tokens", "codex.turn.token_usage.reasoning_output_tokens",
                "reasoning_token_count",
            ),
        ),
    ),
    finish=_finish,
)  # fmt: skip
