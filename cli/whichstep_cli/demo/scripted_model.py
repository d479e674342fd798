"""An OpenAI-compatible chat endpoint on loopback that plays the stories, so that the agents run without a key.

The frameworks talk to it over real HTTP through their own clients; only the words are scripted. It is stateless: the
turn is the number of assistant messages in the request. Tokens are counted as four characters each.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from whichstep_cli.demo.stories import Say, Story, ToolCall, story_of

MODEL = "gpt-4.1-mini"
SERVED_MODEL = "gpt-4.1-mini-2025-04-14"
"""What the endpoint says it ran: providers answer with a dated name."""

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """Where an agent finds its model, and by which key."""

    model: str
    base_url: str
    api_key: str


@contextmanager
def model_endpoint() -> Iterator[ModelEndpoint]:
    """The real model when OPENAI_API_KEY is set (OPENAI_MODEL names it), else a scripted one for this block."""
    key = os.environ.get("OPENAI_API_KEY")
    if key:
        yield ModelEndpoint(os.environ.get("OPENAI_MODEL", MODEL), os.environ.get("OPENAI_BASE_URL", OPENAI), key)
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), _ChatCompletions)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield ModelEndpoint(MODEL, f"http://127.0.0.1:{server.server_port}/v1", "scripted")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _ChatCompletions(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(_completion(request)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the base class)
        """Say nothing: the terminal belongs to the demo."""


def _completion(request: dict[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = request["messages"]
    turn = sum(message["role"] == "assistant" for message in messages)
    tools: list[dict[str, Any]] = request.get("tools", [])
    move = _move(messages, tools, turn)
    message = _message(move, turn)
    prompt_tokens, answer_tokens = _tokens(messages) + _tokens(tools), _tokens(message)
    return {
        "id": f"chatcmpl-scripted-{turn}",
        "object": "chat.completion",
        "created": 0,
        "model": SERVED_MODEL,
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls" if isinstance(move, ToolCall) else "stop"}
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
        },
    }


def _move(messages: list[dict[str, Any]], tools: list[dict[str, Any]], turn: int) -> ToolCall | Say:
    story = story_of(" ".join(str(message.get("content")) for message in messages if message["role"] == "user"))
    if story is None:
        return Say("This scripted model knows only the tickets of the demo; set OPENAI_API_KEY for a real one.")
    opening = _opening(story, tools)
    return opening[turn] if turn < len(opening) else story.move(turn - len(opening))


def _opening(story: Story, tools: list[dict[str, Any]]) -> tuple[ToolCall, ...]:
    """An agent whose help centre is a tool searches it first; the others have retrieved before they ask."""
    names = {tool["function"]["name"] for tool in tools}
    return (ToolCall("search_help", {"query": story.ticket}),) if "search_help" in names else ()


def _message(move: ToolCall | Say, turn: int) -> dict[str, Any]:
    if isinstance(move, Say):
        return {"role": "assistant", "content": move.text}
    function = {"name": move.tool, "arguments": json.dumps(move.arguments)}
    call = {"id": f"call_{turn}_{move.tool}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _tokens(value: object) -> int:
    return len(json.dumps(value)) // 4
