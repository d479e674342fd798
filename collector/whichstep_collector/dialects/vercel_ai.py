"""Vercel's AI SDK, both emitters: GenAI names under scope `gen_ai`, and the older `ai.*` names under scope `ai`.

The older one nests `ai.generateText` over `ai.generateText.doGenerate`, both with usage, and puts a tool call under
the model call that asked for it. An agent's name is the function id; its span is called after the model. What was read
from the cache may be in the provider's own words alone (`ai.response.providerMetadata`).
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, Task
from whichstep_collector.dialects.otel_genai import is_handoff_tool, kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.messages import Message, call_part, read_messages, text_part
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import Attributes, ReceivedSpan

_OPERATION: Final = "ai.operationId"
_CALLS: Final = (".doGenerate", ".doStream")
_TEXTS: Final = ("ai.response.text", "ai.response.object", "ai.result.text", "ai.result.object")
_PROVIDERS_OWN: Final = "ai.response.providerMetadata"
_CACHE_READ: Final = "ai.usage.inputTokenDetails.cacheReadTokens"
"""Since version 6, which counts the cache into the input."""
_READ_APART: Final = ("cacheReadInputTokens", "cache_read_input_tokens")
_WRITTEN_APART: Final = ("cacheCreationInputTokens", "cacheWriteInputTokens", "cache_creation_input_tokens")
_TOOL_FAILED: Final = "AI_ToolExecutionError"
_TOOL_CALLS: Final = ("ai.response.toolCalls", "ai.result.toolCalls")


def _recognises(scope: str, keys: frozenset[str]) -> bool:
    return scope in {"ai", "gen_ai"} or _OPERATION in keys or any(key.startswith("ai.usage.") for key in keys)


def _kind(span: ReceivedSpan) -> Kind | None:
    said = span.attributes.get(_OPERATION)
    if not isinstance(said, str):
        return kind_of_operation(span)
    if said == "ai.toolCall":
        return Kind("handoff" if is_handoff_tool(span.attributes.get("ai.toolCall.name")) else "tool_call")
    if said.endswith(".doEmbed") or said.startswith(("ai.embed", "ai.embedMany")):
        return Kind("embedding" if said.endswith(".doEmbed") else "other")
    if said.startswith("ai.rerank"):
        return Kind("rerank")
    return Kind("llm_call" if said.endswith(_CALLS) else "workflow")


def _answer(attributes: Attributes) -> list[Message] | None:
    said = next((text for key in _TEXTS if isinstance(text := attributes.get(key), str) and text), None)
    calls = next((found for key in _TOOL_CALLS if isinstance(found := _json(attributes.get(key)), list)), [])
    parts = [text_part(said)] if said is not None else []
    parts += [
        call_part(call.get("toolCallId"), call.get("toolName"), call.get("input", call.get("args")))
        for call in calls
        if isinstance(call, dict)
    ]
    return [{"role": "assistant", "parts": parts}] if parts else None


def _json(value: Any) -> Any:
    return parse_json(value) if isinstance(value, str) else value


def _unwrap_task(value: Any) -> Task:
    """The messages of {"system": …, "prompt": "…"} or {"messages": […]}."""
    found = _json(value)
    if not isinstance(found, dict):
        return Task(value)
    prompt = found.get("prompt")
    if isinstance(prompt, str):
        return Task(prompt)
    messages = read_messages(prompt if prompt is not None else found.get("messages"), default_role="user")
    return Task(value, messages) if messages else Task(value)


def _provider(value: Any) -> str | None:
    """`openai.responses` is a provider and its API."""
    return coerce.provider(value.split(".", 1)[0]) if isinstance(value, str) else None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.type == "workflow":
        named = span.attributes.get("ai.telemetry.functionId", span.attributes.get("gen_ai.agent.name"))
        if isinstance(named, str) and named:
            facts.workflow = facts.workflow or named
            facts.step_name = named
    if facts.type == "llm_call" and _OPERATION in span.attributes and _CACHE_READ not in span.attributes:
        _count_cache(facts, span.attributes.get(_PROVIDERS_OWN))
    if facts.error_type == _TOOL_FAILED:
        _unwrap_error(facts, span)


def _unwrap_error(facts: SpanFacts, span: ReceivedSpan) -> None:
    """Takes the tool's own error instead of the one around it, which alone does not tell the type."""
    raised = (event.attributes for event in span.events if event.name == "exception")
    own = next((said for said in raised if said.get("exception.type") != _TOOL_FAILED), {})
    facts.error_type = coerce.text(own.get("exception.type"))
    facts.error_message = coerce.text(own.get("exception.message")) or facts.error_message


def _count_cache(facts: SpanFacts, said: Any) -> None:
    """From the provider's own words. Up to version 5 an input does not include a cache that is counted beside it."""
    for own in coerce.json_object(said).values():
        if not isinstance(own, dict):
            continue
        told = {**own, **coerce.json_object(own.get("usage"))}
        apart, written = _one_of(told, _READ_APART), _one_of(told, _WRITTEN_APART)
        if facts.input_tokens is not None:
            facts.input_tokens += (apart or 0) + (written or 0)
        read = apart if apart is not None else coerce.count(told.get("cachedPromptTokens"))
        facts.cache_read_tokens = facts.cache_read_tokens if read is None else read
        facts.cache_write_tokens = facts.cache_write_tokens if written is None else written
        return


def _one_of(told: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := coerce.count(told.get(name))) is not None), None)


_SESSION: Final = (
    "session.id", "gen_ai.conversation.id", "ai.telemetry.metadata.sessionId", "ai.settings.context.sessionId",
    "ai.settings.context.session.id", "ai.settings.context.session_id",
)  # fmt: skip
_USER: Final = (
    "user.id", "ai.telemetry.metadata.userId", "ai.settings.context.userId", "ai.settings.context.user.id",
)  # fmt: skip
_INPUT_TOKENS: Final = (
    "gen_ai.usage.input_tokens", "ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens",
)  # fmt: skip
_OUTPUT_TOKENS: Final = ("gen_ai.usage.output_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens")

DIALECT = Dialect(
    "vercel_ai",
    _recognises,
    _kind,
    fields=(
        Field("session_id", coerce.text, _SESSION),
        Field("user_id", coerce.text, _USER),
        Field("agent", coerce.text, ("gen_ai.agent.name", "ai.telemetry.functionId")),
        Field("provider", _provider, ("ai.model.provider", "gen_ai.provider.name", "gen_ai.system")),
        Field("input_tokens", coerce.count, _INPUT_TOKENS),
        Field("output_tokens", coerce.count, _OUTPUT_TOKENS),
        Field("time_to_first_token_ms", coerce.amount, ("ai.response.msToFirstChunk",)),
    ),
    texts=TextKeys(
        input=("ai.prompt.messages", "ai.prompt"),
        output=_TEXTS,
        arguments=("ai.toolCall.args", "ai.toolCall.input"),
        results=("ai.toolCall.result", "ai.toolCall.output"),
        query=("ai.value", "ai.values"),
    ),
    answer=_answer,
    unwrap_task=_unwrap_task,
    finish=_finish,
)
