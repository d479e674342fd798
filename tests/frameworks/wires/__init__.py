"""The wire formats in which the scripted model answers, one module each: what was offered, and how to say a move."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from whichstep_cli.demo.scripted_model import Reply
from whichstep_cli.demo.stories import Say, ToolCall


@dataclass(frozen=True)
class Turn:
    """One answer of the model, whatever the format."""

    number: int
    """From 1, over all calls of the run."""
    model: str
    move: tuple[ToolCall, ...] | Say
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True)
class Wire:
    """One format."""

    api: str
    path: str
    """A part of the paths under which it is asked."""
    offered: Callable[[dict[str, Any]], list[str]]
    """Names of the tools that a request offers."""
    prompt: Callable[[dict[str, Any]], object]
    """What of a request is counted as input tokens."""
    reply: Callable[..., Reply]
    """From the request, the turn and `stream` to the answer."""
    matches: Callable[[dict[str, Any]], bool] = lambda _: True
    """Whether a request under that path is in this format."""
    model: Callable[[str, dict[str, Any]], str] = lambda _, request: str(request.get("model"))
    streams: Callable[[str, dict[str, Any]], bool] = lambda _, request: bool(request.get("stream"))


def as_json(document: object, status: int = 200) -> Reply:
    """One JSON document."""
    return Reply(json.dumps(document).encode(), status)


def as_events(events: Iterable[tuple[str | None, object]]) -> Reply:
    """Server-sent events, each with its name or none."""
    lines = []
    for name, data in events:
        text = data if isinstance(data, str) else json.dumps(data)
        lines.append((f"event: {name}\n" if name else "") + f"data: {text}\n\n")
    return Reply("".join(lines).encode(), content_type="text/event-stream")
