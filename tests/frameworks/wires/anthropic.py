"""Anthropic messages."""

from __future__ import annotations

import json
from typing import Any

from frameworks.wires import Turn, Wire, as_events, as_json
from whichstep_cli.demo.scripted_model import Reply, call_id
from whichstep_cli.demo.stories import Say


def _reply(request: dict[str, Any], turn: Turn, *, stream: bool) -> Reply:
    del request
    says = isinstance(turn.move, Say)
    whole = {
        "id": f"msg_scripted_{turn.number}",
        "type": "message",
        "role": "assistant",
        "model": turn.model,
        "content": [{"type": "text", "text": turn.move.text}] if isinstance(turn.move, Say) else _calls(turn),
        "stop_reason": "end_turn" if says else "tool_use",
        "stop_sequence": None,
        # reads from the cache are counted apart
        "usage": {
            "input_tokens": turn.input_tokens - turn.cached_tokens,
            "output_tokens": turn.output_tokens,
            "cache_read_input_tokens": turn.cached_tokens,
            "cache_creation_input_tokens": 0,
        },
    }
    return as_events(_events(whole)) if stream else as_json(whole)


def _calls(turn: Turn) -> list[dict[str, Any]]:
    assert not isinstance(turn.move, Say)
    return [
        {"type": "tool_use", "id": call_id("toolu"), "name": call.tool, "input": call.arguments} for call in turn.move
    ]


def _events(whole: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    usage = whole["usage"]
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(whole["content"]):
        text = block["type"] == "text"
        empty = {**block, "text": ""} if text else {**block, "input": {}}
        delta = (
            {"type": "text_delta", "text": block["text"]}
            if text
            else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        )
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": usage["output_tokens"]}})
    events.append({"type": "message_stop"})
    return [(event["type"], event) for event in events]


ANTHROPIC = Wire(
    api="anthropic",
    path="/v1/messages",
    offered=lambda request: [tool["name"] for tool in request.get("tools") or []],
    prompt=lambda request: [request.get("system"), request["messages"], request.get("tools")],
    reply=_reply,
)
