"""Claude Code: interactions, model requests and tools under names of its own, with bare attribute names.

A tool's waiting for a person and its run are spans below it: the wait is an approval, the run part of the tool. Input
tokens do not include the cache. Content is `<REDACTED>` unless asked for; a tool's output is a span event.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.received import ReceivedSpan

_PREFIX: Final = "claude_code."
_TYPE: Final = "span.type"
_SPANS: Final = {
    "interaction": Kind("agent"),
    "llm_request": Kind("llm_call"),
    "tool": Kind("tool_call"),
    "tool.blocked_on_user": Kind("approval"),
    "tool.execution": Kind("none"),
    "hook": Kind("none"),
}
_REFUSED: Final = frozenset({"reject", "rejected", "deny", "denied"})


def _kind(span: ReceivedSpan) -> Kind | None:
    said = span.attributes.get(_TYPE)
    name = span.name if span.name.startswith(_PREFIX) else said if isinstance(said, str) else ""
    if not (span.name.startswith(_PREFIX) or name.startswith(_PREFIX)):
        return None
    return _SPANS.get(name.removeprefix(_PREFIX), Kind("other"))


def _resends(value: Any) -> int | None:
    """Attempts to repetitions."""
    attempts = coerce.small_count(value)
    return attempts - 1 if attempts else None


def _failed(span: ReceivedSpan) -> str | None:
    if coerce.flag(span.attributes.get("success")) is not False:
        return None
    message = span.attributes.get("error")
    return message if isinstance(message, str) else ""


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.type == "llm_call" and facts.input_tokens is not None:
        facts.input_tokens += (facts.cache_read_tokens or 0) + (facts.cache_write_tokens or 0)
        facts.provider = facts.provider or "anthropic"
    elif facts.type == "agent":
        facts.agent = facts.step_name = facts.agent or "claude_code"
        facts.merge_key = None  # a sub-agent stands below the tool that called it
    elif facts.type == "approval":
        _put_decision(facts, span.attributes.get("decision"))


def _put_decision(facts: SpanFacts, decision: Any) -> None:
    """A refused action, as our own SDK tells one: it was not allowed to run, and is no failure of a tool."""
    facts.step_name = facts.tool or "blocked_on_user"
    facts.merge_key = None
    if isinstance(decision, str) and decision.lower() in _REFUSED:
        facts.error, facts.error_type = True, "ApprovalRejected"


DIALECT = Dialect(
    "claude_code",
    recognised_by(scope_starts=("com.anthropic.claude_code",), keys=(_TYPE,), key_starts=(_PREFIX,)),
    _kind,
    fields=(
        Field("session_id", coerce.text, ("session.id",)),
        Field("user_id", coerce.text, ("user.id", "user.account_uuid")),
        Field("model", coerce.text, ("gen_ai.response.model", "gen_ai.request.model", "model")),
        Field("request_model", coerce.text, ("gen_ai.request.model", "model")),
        Field("input_tokens", coerce.count, ("input_tokens",)),
        Field("output_tokens", coerce.count, ("output_tokens",)),
        Field("cache_read_tokens", coerce.count, ("cache_read_tokens",)),
        Field("cache_write_tokens", coerce.count, ("cache_creation_tokens",)),
        Field("finish_reason", coerce.first_text, ("gen_ai.response.finish_reasons", "stop_reason")),
        Field("time_to_first_token_ms", coerce.amount, ("ttft_ms",)),
        Field("resend_count", _resends, ("attempt",)),
        Field("tool", coerce.text, ("gen_ai.tool.name", "tool_name")),
        Field("tool_call_id", coerce.call_id, ("gen_ai.tool.call.id", "tool_use_id")),
    ),
    texts=TextKeys(
        input=("user_prompt", "new_context"),
        output=("response.model_output",),
        arguments=("tool_input", "full_command", "file_path"),
        results=("output", "content", "new_context"),
    ),
    failed=_failed,
    finish=_finish,
)
