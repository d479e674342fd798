"""OpenAI chat completions."""

from __future__ import annotations

from typing import Any

from frameworks.wires import Turn, Wire, as_events, as_json
from whichstep_cli.demo.scripted_model import Reply, chat_completion, chat_message


def _offered(request: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in request.get("tools") or [] if "function" in tool]


def _reply(request: dict[str, Any], turn: Turn, *, stream: bool) -> Reply:
    message = chat_message(turn.move)
    whole = chat_completion(
        message, turn.number, turn.model, prompt_tokens=turn.input_tokens, cached_tokens=turn.cached_tokens
    )
    usage = whole["usage"]
    usage.update(completion_tokens=turn.output_tokens, total_tokens=turn.input_tokens + turn.output_tokens)
    if not stream:
        return as_json(whole)
    base = {**whole, "object": "chat.completion.chunk"}
    del base["usage"]
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in _deltas(message)]
    end = {"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}
    chunks.append({**base, "choices": [end]})
    if (request.get("stream_options") or {}).get("include_usage"):
        chunks.append({**base, "choices": [], "usage": usage})
    return as_events([*((None, chunk) for chunk in chunks), (None, "[DONE]")])


def _deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The message in pieces: text by words, the arguments of a call in two halves."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": message["content"] and ""}]
    for word in (message["content"] or "").split(" "):
        if word:
            deltas.append({"content": word if len(deltas) == 1 else f" {word}"})
    for index, call in enumerate(message.get("tool_calls", [])):
        text = call["function"]["arguments"]
        half = len(text) // 2
        first = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": text[:half]}}
        deltas.append({"tool_calls": [first]})
        deltas.append({"tool_calls": [{"index": index, "function": {"arguments": text[half:]}}]})
    return deltas


CHAT = Wire(
    api="chat",
    path="/chat/completions",
    offered=_offered,
    prompt=lambda request: [request["messages"], request.get("tools")],
    reply=_reply,
)
