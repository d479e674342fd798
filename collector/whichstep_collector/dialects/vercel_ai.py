"""Vercel's AI SDK, both emitters: GenAI names under scope `gen_ai`, and the older `ai.*` names under scope `ai`.

The older one nests `ai.generateText` over `ai.generateText.doGenerate`, both with usage, and puts a tool call under
the model call that asked for it. An agent's name is the function id; its span is called after the model.
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
        output=(*_TEXTS, "ai.response.toolCalls"),
        arguments=("ai.toolCall.args", "ai.toolCall.input"),
        results=("ai.toolCall.result", "ai.toolCall.output"),
        query=("ai.value", "ai.values"),
    ),
    answer=_answer,
    unwrap_task=_unwrap_task,
    finish=_finish,
)
