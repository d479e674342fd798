"""The messages in what a provider or framework answers whole: choices, candidates, generations, replies, output items.

Reads any value, raises nothing, and gives None for an answer that holds no message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from whichstep_collector.normalising.calls import unquoted
from whichstep_collector.normalising.messages import Message, call_part, read_message, read_messages, text_part
from whichstep_collector.normalising.skeleton import parse_json

_ASSISTANT: Final = ("assistant", "model")
_ITEMS_MAX: Final = 1000
_ANSWER_ITEMS: Final = frozenset({"message", "function_call", "reasoning"})
"""Of the Responses API."""


def read_response(value: Any) -> list[Message] | None:
    """The assistant's messages that an answer holds, as JSON text or native value."""
    found = parse_json(value) if isinstance(value, str) else value
    if isinstance(found, (list, tuple)):
        return _read_items(found)
    if not isinstance(found, dict):
        return None
    for holder, read in _HOLDERS:
        if (held := found.get(holder)) is not None and (messages := read(held)):
            return messages
    message = read_message(found, default_role="assistant") if found.get("role") in _ASSISTANT else None
    return [message] if message else None


def _read_items(items: Any) -> list[Message] | None:
    said = [item for item in items if isinstance(item, str)]
    if said and len(said) == len(items):
        return [{"role": "assistant", "parts": [text_part(item)]} for item in said]
    answered = bool(items) and all(isinstance(item, dict) and item.get("type") in _ANSWER_ITEMS for item in items)
    return (_output(items) or None) if answered else None


def _choices(choices: Any) -> list[Message]:
    return _with_reasons(choices, "message", "finish_reason")


def _candidates(candidates: Any) -> list[Message]:
    return _with_reasons(candidates, "content", "finishReason")


def _with_reasons(items: Any, holder: str, reason: str) -> list[Message]:
    found = []
    for item in _dicts(items):
        held = item.get(holder, item.get("text"))
        if (message := read_message(held, default_role="assistant")) is None:
            continue
        said = item.get(reason)
        found.append({**message, "finish_reason": said} if isinstance(said, str) else message)
    return found


def _generations(batches: Any) -> list[Message]:
    flat = [item for batch in batches if isinstance(batch, list) for item in _dicts(batch)] if _is_list(batches) else []
    found = []
    for item in flat:
        message = read_message(item.get("message", item.get("text")), default_role="assistant")
        info = item.get("generation_info")
        said = info.get("finish_reason") if isinstance(info, dict) else None
        if message:
            found.append({**message, "finish_reason": said} if isinstance(said, str) else message)
    return found


def _replies(replies: Any) -> list[Message]:
    return read_messages(replies, default_role="assistant") or [] if _is_list(replies) else []


def _one(message: Any) -> list[Message]:
    read = read_message(message, default_role="assistant") if isinstance(message, dict) else None
    return [read] if read else []


def _output(output: Any) -> list[Message]:
    """Items of a Responses API answer, or an answer inside another."""
    if isinstance(output, dict):
        return read_response(output) or _one(output)
    found = []
    for item in _dicts(output):
        if item.get("type") == "function_call":
            call = call_part(item.get("call_id"), item.get("name"), item.get("arguments"))
            found.append({"role": "assistant", "parts": [call]})
        elif item.get("type") == "message":
            found += _one(item)
    return found


def _text(text: Any) -> list[Message]:
    said = unquoted(text)
    return [{"role": "assistant", "parts": [text_part(said)]}] if isinstance(said, str) and said else []


_HOLDERS: Final[tuple[tuple[str, Callable[[Any], list[Message]]], ...]] = (
    ("choices", _choices),
    ("candidates", _candidates),
    ("generations", _generations),
    ("replies", _replies),
    ("message", _one),
    ("output", _output),
    ("combined_chunk_content", _text),
)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _dicts(items: Any) -> list[dict[str, Any]]:
    return [item for item in items[:_ITEMS_MAX] if isinstance(item, dict)] if _is_list(items) else []
