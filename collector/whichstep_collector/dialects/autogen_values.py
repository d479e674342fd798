"""How AutoGen's chat messages look where an instrumentation writes them out: as JSON, or as Python text."""

from __future__ import annotations

import ast
import re
from typing import Any, Final

from whichstep_collector.dialects.base import Task
from whichstep_collector.normalising.messages import Message, text_part

_CONTENT: Final = re.compile(r"(?:^|\s)content=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_SOURCE: Final = re.compile(r"(?:^|\s)source='([^']*)'")
_LENGTH_MAX: Final = 256 * 1024


def unwrap_task(found: dict[str, Any]) -> Task | None:
    """The task of a team's run, or the messages of a chat; None for what is neither."""
    task = found.get("task")
    if isinstance(task, str) and "cancellation_token" in found:
        return Task(task)
    items = found.get("messages")
    if not isinstance(items, list) or not items:
        return None
    if all(isinstance(item, str) for item in items):
        messages = [_from_text(item) for item in items]
    elif all(isinstance(item, dict) and isinstance(item.get("source"), str) for item in items):
        messages = [_from_json(item) for item in items]
    else:
        return None
    told = [message for message in messages if message is not None]
    return Task(found, told) if told else None


def _role(source: str) -> str:
    return "user" if source == "user" else "assistant"


def _from_text(said: str) -> Message | None:
    """A message as Python's repr shows it; only its first text is read, and evaluated as a literal only."""
    if len(said) > _LENGTH_MAX or (content := _CONTENT.search(said)) is None:
        return None
    source = _SOURCE.search(said)
    try:
        text = ast.literal_eval(content[1])
    except (ValueError, SyntaxError):
        return None
    clean = text.encode("utf-8", "replace").decode()
    return {"role": _role(source[1] if source else "user"), "parts": [text_part(clean)]}


def _from_json(item: dict[str, Any]) -> Message | None:
    content = item.get("content")
    if not isinstance(content, str) or not str(item.get("type", "Message")).endswith("Message"):
        return None  # an event, such as a thought
    return {"role": _role(item["source"]), "parts": [text_part(content)]}
