"""Haystack's chat messages: as objects (its own tracing), or as Python text (OpenInference).

`{"role", "content": [{"text"} | {"tool_call"} | {"tool_call_result"} | {"reasoning"}], "meta"}` and
`ChatMessage(_role=…, _content=[TextContent(text=…), ToolCall(…), ToolCallResult(…)], _meta={…})` say the same.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Task
from whichstep_collector.normalising.calls import words_of
from whichstep_collector.normalising.messages import Message, Part, role_of, untyped_part
from whichstep_collector.normalising.python_text import TYPE, read_python
from whichstep_collector.normalising.skeleton import parse_json

_MESSAGES_MAX: Final = 2000
_PIECES: Final = {
    "TextContent": "text",
    "ToolCall": "tool_call",
    "ToolCallResult": "tool_call_result",
    "ReasoningContent": "reasoning",
}


def read_chat(value: Any, name: str = "messages") -> list[Message] | None:
    """The messages listed under a name of a component's input or output; None where there are none."""
    found = parse_json(value) if isinstance(value, str) else value
    listed = found.get(name) if isinstance(found, dict) else None
    if not isinstance(listed, list) or not listed:
        return None
    messages = [_message(item) for item in listed[:_MESSAGES_MAX]]
    return [message for message in messages if message] if all(messages) else None


def unwrap_task(value: Any) -> Task:
    """The messages of an input or output, of a pipeline's only component too; else the only words in it."""
    found = parse_json(value) if isinstance(value, str) else value
    if messages := read_chat(found):
        return Task(value, messages)
    if isinstance(found, dict) and len(found) == 1:
        (inner,) = found.values()
        if isinstance(inner, dict):
            replies = read_chat(inner, "replies")
            return Task(value, replies) if replies else unwrap_task(inner)
    if (only := _only_text(found)) is not None:
        return Task(only)
    said = words_of(found)
    return Task(value if said is found else said)


def _only_text(found: Any) -> str | None:
    """The text that all components of a pipeline are given."""
    if not isinstance(found, dict) or len(found) < 2 or not all(isinstance(given, dict) for given in found.values()):
        return None
    texts = {text for given in found.values() for text in given.values() if isinstance(text, str) and text}
    return texts.pop() if len(texts) == 1 else None


def unwrap_query(value: Any) -> Any:
    """The query of a retriever's input."""
    found = parse_json(value) if isinstance(value, str) else value
    return found.get("query", value) if isinstance(found, dict) else value


def meta_of(value: Any) -> dict[str, Any]:
    """The `meta` of the last reply: model, usage, finish reason; empty where there is none."""
    found = parse_json(value) if isinstance(value, str) else value
    replies = found.get("replies", found.get("messages")) if isinstance(found, dict) else None
    last = replies[-1] if isinstance(replies, list) and replies else None
    if isinstance(last, str):
        last = read_python(last)
    meta = last.get("meta", last.get("_meta")) if isinstance(last, dict) else None
    return meta if isinstance(meta, dict) else {}


def read_pieces(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Role and piece of all that the messages of an agent's output hold, in order."""
    return [
        (_role(message), piece)
        for message in _messages(parse_json(value) if isinstance(value, str) else value)
        for piece in message.get("content", message.get("_content")) or ()
        if isinstance(piece, dict)
    ]


def metas_since_the_user(output: dict[str, Any]) -> list[dict[str, Any]]:
    """The `meta` of each answer of a model since the user's last words, in order."""
    messages = _messages(output)
    last = max((number for number, message in enumerate(messages) if _role(message) == "user"), default=-1)
    metas = (message.get("meta", message.get("_meta")) for message in messages[last + 1 :])
    return [meta for meta in metas if isinstance(meta, dict) and meta]


def _messages(found: Any) -> list[dict[str, Any]]:
    listed = found.get("messages") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        return []
    messages = [read_python(item) if isinstance(item, str) else item for item in listed[:_MESSAGES_MAX]]
    return [message for message in messages if isinstance(message, dict)]


def _role(message: dict[str, Any]) -> str:
    return str(message.get("role", message.get("_role")))


def _message(item: Any) -> Message | None:
    if isinstance(item, str):
        item = read_python(item)
    if not isinstance(item, dict):
        return None
    role, content = item.get("role", item.get("_role")), item.get("content", item.get("_content"))
    if not isinstance(role, str) or not isinstance(content, list):
        return None
    parts = [part for piece in content if (part := _part(piece))]
    return {"role": role_of(role), "parts": parts} if parts else None


def _part(piece: Any) -> Part | None:
    if not isinstance(piece, dict):
        return None
    kind = _PIECES.get(str(piece.get(TYPE)))
    if kind is not None:
        piece = {kind: piece.get("text") if kind == "text" else piece}
    return untyped_part(piece)
