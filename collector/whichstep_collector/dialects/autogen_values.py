"""How AutoGen's chat messages look where an instrumentation writes them out: as JSON, or as Python text."""

from __future__ import annotations

import ast
import re
from datetime import datetime
from typing import Any, Final

from whichstep import attributes as names
from whichstep_collector.dialects.base import Task
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.failures import Failure
from whichstep_collector.normalising.messages import Message, call_part, text_part
from whichstep_collector.normalising.told import Call, Passed, is_unique
from whichstep_collector.normalising.usage import read_usage

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


def passed_on(message: Any, *, at: int) -> list[Passed]:
    """What an agent's message tells: a model's answer (it says what it used), or what the tools that were asked gave.

    `at`: when it was passed on, for a message that does not say when it was made.
    """
    if not isinstance(message, dict) or not isinstance(agent := message.get("source"), str):
        return []
    told = Passed(coerce.text(message.get("id")), agent, _nanoseconds(message.get("created_at")) or at)
    content, used = message.get("content"), message.get("models_usage")
    pieces = [piece for piece in content if isinstance(piece, dict)] if isinstance(content, list) else []
    found = [told._replace(call=_answered(piece)) for piece in pieces if "call_id" in piece]
    if isinstance(used, dict):
        parts = [call_part(piece.get("id"), piece.get("name"), piece.get("arguments")) for piece in pieces]
        parts += [text_part(content)] if isinstance(content, str) else []
        usage = read_usage(used)
        counts = {names.INPUT_TOKENS: usage.input_tokens, names.OUTPUT_TOKENS: usage.output_tokens}
        known = {name: count for name, count in counts.items() if count is not None}
        found.append(told._replace(said=[{"role": "assistant", "parts": parts}], usage=known))
        found += [
            told._replace(call=Call(part["name"], part["id"], part["arguments"]))
            for part in parts
            if is_unique(part.get("id"))
        ]
    return found


def _answered(piece: dict[str, Any]) -> Call:
    failure = Failure(True, None, str(piece.get("content"))) if piece.get("is_error") is True else None
    call_id = piece["call_id"] if is_unique(piece["call_id"]) else None
    return Call(coerce.text(piece.get("name")), call_id, None, piece.get("content"), failure)


def _nanoseconds(said: Any) -> int | None:
    """A moment as ISO 8601, in ns since the epoch."""
    try:
        moment = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    return None if moment.tzinfo is None else int(moment.timestamp() * 1_000_000) * 1000


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
