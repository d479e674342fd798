"""Lists of chat messages as OpenAI's API has them: a run each, without times, in the order of the messages.

Each answer of the assistant is a model call that was given what comes before it; each tool call that it asked for is a
step of its own, with the result of the message that answers it. Anthropic's content blocks are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from whichstep import attributes as names
from whichstep_cli.imports.formats.base import Format, NotTakenError
from whichstep_cli.imports.reading import Record
from whichstep_cli.imports.steps import Attributes, Converted, Step, as_json, pruned, span_id_of, trace_id_of
from whichstep_cli.imports.values import (
    count,
    first,
    is_messages,
    listed,
    mapping,
    metadata,
    nanoseconds,
    number,
    parameters,
    text,
    texts,
)

SCOPE: Final = "whichstep.import.messages"
_SOURCE: Final = "messages"
_HISTORY_BYTES_MAX: Final = 512 << 10
"""Of the input of one model call: every call is given all before it, which would grow with the square of a long run."""
_IDS: Final = ("id", "trace_id", "run_id", "conversation_id")
_SESSIONS: Final = ("session_id", "thread_id", "conversation_id")
_KNOWN: Final = (*_SESSIONS, "user_id", "release", "environment")
_SHARED: Final = ("model", "provider", "tools")
_TIMES: Final = ("created_at", "created", "timestamp", "started_at", "date")


def recognises(record: Record) -> bool:
    """An object with `messages`, or a list of messages."""
    value = record.value
    return is_messages(value) or (isinstance(value, dict) and is_messages(value.get("messages")))


def gathers(record: Record) -> bool:
    """Whether a file is one list of messages: its items are messages and no runs."""
    value = record.value
    return isinstance(value, dict) and "messages" not in value and is_messages([value])


def convert(record: Record) -> Converted:
    """One run."""
    value = record.value if isinstance(record.value, dict) else {"messages": record.value}
    messages = [message for message in value["messages"] if isinstance(message, dict)]
    told = mapping(value.get("metadata"))
    own = next((said for key in _IDS if (said := text(value.get(key)))), None)
    trace_id = trace_id_of(_SOURCE, own or blake2b(as_json(messages).encode(), digest_size=16).hexdigest())
    root = _root(value, told, messages, trace_id)
    steps = [root, *_steps(value, messages, trace_id, root.span_id)]
    if len(steps) == 1:
        raise NotTakenError("a list of messages without an answer of the assistant")
    return Converted(
        SCOPE,
        text(first(value, "service", "agent")) or _SOURCE,
        text(first(value, "release", "version")) or text(told.get("release")),
        text(value.get("environment")) or text(told.get("environment")),
        steps=steps,
        untimed=True,
        at=next((at for key in _TIMES if (at := nanoseconds(value.get(key) or told.get(key))) is not None), None),
    )


def _root(value: Mapping[str, Any], told: Mapping[str, Any], messages: list[dict[str, Any]], trace_id: str) -> Step:
    asked = next((_text(message) for message in messages if message.get("role") == "user"), None)
    answers = [_text(message) for message in messages if message.get("role") == "assistant"]
    session = next((said for key in _SESSIONS if (said := text(value.get(key)) or text(told.get(key)))), None)
    attributes = {
        names.AGENT_NAME: text(value.get("agent")),
        names.SESSION_ID: session,
        names.USER_ID: text(first(value, "user", "user_id")) or text(told.get("user_id")),
        names.TASK_TYPE: text(value.get("task_type")),
        names.TAGS: texts(value.get("tags")),
        names.INPUT: asked,
        names.OUTPUT: answers[-1] if answers and messages[-1].get("role") == "assistant" else None,
        **metadata(told, without=_KNOWN),
    }
    name = text(value.get("agent")) or "conversation"
    return Step(trace_id, span_id_of(trace_id, "conversation"), name, "agent", attributes=pruned(attributes.items()))


def _steps(value: Mapping[str, Any], messages: list[dict[str, Any]], trace_id: str, root_id: str) -> Iterator[Step]:
    results = _results(messages)
    alone = sum(message.get("role") == "assistant" for message in messages) == 1
    for place, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        told = {**(value if alone else {key: value.get(key) for key in _SHARED}), **message}
        history, whole = _history(messages, place)
        attributes = _call(told, history, message) | ({} if whole else {names.TRUNCATED: [names.INPUT_MESSAGES]})
        step_id = span_id_of(trace_id, f"message {place}")
        yield Step(trace_id, step_id, text(told.get("model")) or "answer", "llm_call", root_id, attributes=attributes)
        for number_, call in enumerate(_calls(message)):
            own = span_id_of(trace_id, f"message {place} call {number_}")
            yield _tool(Step(trace_id, own, call.name, "tool_call", root_id), call, results.get(call.call_id))


def _history(messages: list[dict[str, Any]], place: int) -> tuple[list[dict[str, Any]], bool]:
    """What the call at `place` was given: all before it, or the instructions and the latest that fit."""
    kept: list[dict[str, Any]] = []
    size = 0
    for message in reversed(messages[:place]):
        size += len(as_json(message))
        if size > _HISTORY_BYTES_MAX:
            return [item for item in messages[:1] if item.get("role") in ("system", "developer")] + kept[::-1], False
        kept.append(message)
    return kept[::-1], True


def _call(told: Mapping[str, Any], history: list[dict[str, Any]], message: Mapping[str, Any]) -> Attributes:
    usage = mapping(told.get("usage"))
    into, out = mapping(usage.get("prompt_tokens_details")), mapping(usage.get("completion_tokens_details"))
    attributes = {
        names.REQUEST_MODEL: text(told.get("model")),
        names.PROVIDER: text(told.get("provider")),
        names.INPUT_MESSAGES: as_json(history) if history else None,
        names.OUTPUT_MESSAGES: as_json([message]),
        names.TOOL_DEFINITIONS: as_json(told["tools"]) if told.get("tools") else None,
        names.INPUT_TOKENS: count(first(usage, "prompt_tokens", "input_tokens")),
        names.OUTPUT_TOKENS: count(first(usage, "completion_tokens", "output_tokens")),
        names.CACHE_READ_TOKENS: count(into.get("cached_tokens")),
        names.REASONING_TOKENS: count(out.get("reasoning_tokens")),
        names.COST_USD: number(first(told, "cost", "cost_usd")),
        names.FINISH_REASONS: [said] if (said := text(told.get("finish_reason"))) else None,
        **parameters(told),
    }
    return pruned(attributes.items())


class _Call(NamedTuple):
    """A tool call that a message asks for."""

    call_id: str
    name: str
    arguments: Any


def _calls(message: Mapping[str, Any]) -> Iterator[_Call]:
    for call in listed(message.get("tool_calls")):
        if isinstance(call, dict):
            function = mapping(call.get("function")) or call
            arguments = function.get("arguments", function.get("args"))
            yield _Call(text(call.get("id")) or "", text(function.get("name")) or "tool", arguments)
    legacy = mapping(message.get("function_call"))
    if legacy:
        yield _Call("", text(legacy.get("name")) or "tool", legacy.get("arguments"))
    for block in _blocks(message, "tool_use"):
        yield _Call(text(block.get("id")) or "", text(block.get("name")) or "tool", block.get("input"))


def _results(messages: list[dict[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What answered each tool call, by its id."""
    found: dict[str, Mapping[str, Any]] = {}
    for message in messages:
        if (call_id := text(message.get("tool_call_id"))) is not None:
            found[call_id] = message
        for block in _blocks(message, "tool_result"):
            found[text(block.get("tool_use_id")) or ""] = block
    return found


def _tool(step: Step, call: _Call, result: Mapping[str, Any] | None) -> Step:
    answer = None if result is None else result.get("content")
    failed = result is not None and (result.get("is_error") is True or result.get("status") == "error")
    attributes = {
        names.TOOL_NAME: call.name,
        names.TOOL_CALL_ID: call.call_id,
        names.TOOL_ARGUMENTS: call.arguments if isinstance(call.arguments, str) else as_json(call.arguments or {}),
        names.TOOL_RESULT: answer if isinstance(answer, str) or answer is None else as_json(answer),
    }
    step.attributes = pruned(attributes.items())
    if failed and result is not None:
        step.error = _text(result) or ""
    return step


def _blocks(message: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == kind:
            yield block


def _text(message: Mapping[str, Any]) -> str | None:
    content = message.get("content")
    if isinstance(content, str):
        return content or None
    said = [block["text"] for block in _blocks(message, "text") if isinstance(block.get("text"), str)]
    return "\n".join(said) or None


FORMAT: Final = Format("messages", "OpenAI-style lists of messages", recognises, convert, gathers)
