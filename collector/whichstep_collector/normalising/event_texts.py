"""What a step's span events say of it where its attributes do not: a tool's arguments and result, a task's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from whichstep_collector.normalising.coerce import meaningful
from whichstep_collector.normalising.messages import (
    EventMessages,
    Message,
    message_text,
    parts_of,
    read_events,
    read_messages,
)
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedEvent

_DETAILS: Final = "gen_ai.client.inference.operation.details"
_ARGUMENTS: Final = {"gen_ai.tool.message": ("content",)}
_RESULTS: Final = {"gen_ai.choice": ("message",), "tool.output": ("output", "content", "diff")}


class ToolTexts(NamedTuple):
    """What a tool was given and gave back; None is unknown."""

    arguments: Any = None
    result: Any = None


def read_tool_events(events: Iterable[ReceivedEvent]) -> ToolTexts:
    """A tool's arguments and result out of its events, the last of each."""
    arguments = result = None
    for event in events:
        values = event.attributes
        if event.name == _DETAILS:
            arguments = _of_parts(values.get("gen_ai.input.messages"), "tool_call", "arguments") or arguments
            result = _of_parts(values.get("gen_ai.output.messages"), "tool_call_response", "response") or result
        arguments = _said(values, _ARGUMENTS.get(event.name, ())) or arguments
        result = _said(values, _RESULTS.get(event.name, ())) or result
    return ToolTexts(arguments, _only_text(result))


def read_task_events(events: Iterable[ReceivedEvent]) -> EventMessages:
    """The messages of an agent or workflow out of its events."""
    return read_events((event.name, event.attributes) for event in events)


def _said(values: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((values[key] for key in keys if meaningful(values.get(key))), None)


def _of_parts(value: Any, kind: str, field: str) -> Any:
    messages = read_messages(value, default_role="tool") if meaningful(value) else None
    for message in messages or ():
        for part in parts_of(message):
            if part.get("type") == kind and meaningful(found := part.get(field, part.get("result"))):
                return found
    return None


def _only_text(result: Any) -> Any:
    """The text of a result that is a list of pieces of text; else the result."""
    pieces = parse_json(result) if isinstance(result, str) else result
    if not isinstance(pieces, list) or not pieces:
        return result
    read: list[Message] | None = read_messages([{"role": "tool", "parts": pieces}], default_role="tool")
    text = message_text(read[0]) if read else ""
    return text if text and all(isinstance(piece, dict) and "text" in piece for piece in pieces) else result
