"""Whole texts of a step, made readable: JSON indented, message lists as a conversation. Pure; the result is text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MESSAGES_MAX: Final = 30
TEXT_MAX: Final = 20_000
"""Characters of one text on the page; the whole can be downloaded."""


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a text: a title (a role, or empty), the text as far as it is shown, its language and its length."""

    title: str
    text: str
    language: str | None
    length: int


def blocks(text: str) -> list[Block]:
    """The pieces of a text: one a message where it is a list of messages, else one."""
    value = _parse(text)
    messages = _messages(value)
    if messages is None:
        return [_block("", value, text)]
    return [_message(message) for message in messages]


def _parse(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _messages(value: Any) -> list[Mapping[str, Any]] | None:
    if isinstance(value, list) and value and all(isinstance(item, dict) and "role" in item for item in value):
        return value
    return None


def _message(message: Mapping[str, Any]) -> Block:
    parts = message.get("parts", message.get("content"))
    texts = [_part(part) for part in (parts if isinstance(parts, list) else [parts])]
    if calls := message.get("tool_calls"):
        texts.append(_indented(calls))
    text = "\n".join(text for text in texts if text)
    return Block(str(message["role"]), text[:TEXT_MAX], None, len(text))


def _part(part: Any) -> str:
    if part is None:
        return ""
    if isinstance(part, str):
        return part
    if isinstance(part, dict):
        kind, body = part.get("type"), part.get("content", part.get("text"))
        if kind in {None, "text"} and isinstance(body, str):
            return body
        if kind in {"tool_call", "tool_call_response"}:
            return _tool_part(kind, part)
    return _indented(part)


def _tool_part(kind: str, part: Mapping[str, Any]) -> str:
    if kind == "tool_call":
        return f"→ {part.get('name', '?')}({_inline(part.get('arguments'))})"
    return f"← {_inline(part.get('response', part.get('result')))}"


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _block(title: str, value: Any, text: str) -> Block:
    if isinstance(value, dict | list):
        shown, language = _indented(value), "json"
    else:
        shown, language = (value if isinstance(value, str) else text), None
    return Block(title, shown[:TEXT_MAX], language, len(shown))


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
