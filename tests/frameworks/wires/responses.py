"""OpenAI Responses."""

from __future__ import annotations

import json
from typing import Any

from frameworks.wires import Turn, Wire, as_events, as_json
from whichstep_cli.demo.scripted_model import Reply, call_id
from whichstep_cli.demo.stories import Say


def _reply(request: dict[str, Any], turn: Turn, *, stream: bool) -> Reply:
    whole = {
        "id": f"resp_scripted_{turn.number}",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "model": turn.model,
        "output": _items(turn),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": turn.input_tokens,
            "input_tokens_details": {"cached_tokens": turn.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": turn.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": turn.input_tokens + turn.output_tokens,
        },
    }
    return as_events(_events(whole)) if stream else as_json(whole)


def _items(turn: Turn) -> list[dict[str, Any]]:
    if isinstance(turn.move, Say):
        part = {"type": "output_text", "text": turn.move.text, "annotations": [], "logprobs": []}
        return [
            {
                "id": f"msg_{turn.number}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        ]
    return [
        {
            "id": call_id("fc"),
            "type": "function_call",
            "call_id": call_id("call"),
            "name": call.tool,
            "arguments": json.dumps(call.arguments),
            "status": "completed",
        }
        for call in turn.move
    ]


def _events(whole: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(whole["output"]):
        events += _item_events(index, item)
    events.append({"type": "response.completed", "response": whole})
    return [(event["type"], {**event, "sequence_number": number}) for number, event in enumerate(events)]


def _item_events(index: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    place = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        begun = {**item, "arguments": "", "status": "in_progress"}
        inner = [
            {"type": "response.function_call_arguments.delta", **place, "delta": item["arguments"]},
            {"type": "response.function_call_arguments.done", **place, "name": item["name"],
             "arguments": item["arguments"]},
        ]  # fmt: skip
    else:
        begun = {**item, "content": [], "status": "in_progress"}
        part, place = item["content"][0], {**place, "content_index": 0}
        inner = [
            {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
            {"type": "response.output_text.delta", **place, "delta": part["text"], "logprobs": []},
            {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []},
            {"type": "response.content_part.done", **place, "part": part},
        ]
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        *inner,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


RESPONSES = Wire(
    api="responses",
    path="/responses",
    offered=lambda request: [tool.get("name", "") for tool in request.get("tools") or []],
    prompt=lambda request: [request.get("instructions"), request["input"], request.get("tools")],
    reply=_reply,
)
