"""An OpenAI-compatible chat endpoint on loopback that plays the stories, so that the agents run without a key.

The frameworks talk to it over real HTTP through their own clients; only the words are scripted. It is stateless: the
turn is the number of assistant messages in the request. Tokens are counted as four characters each. `serving` takes
any other script and wire format.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Reply:
    """What the endpoint sends back."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


Answer = Callable[[str, dict[str, Any]], Reply]
"""From the path and the JSON of a request to its reply."""


@contextmanager
def model_endpoint() -> Iterator[ModelEndpoint]:
    """The real model when OPENAI_API_KEY is set (OPENAI_MODEL names it), else a scripted one for this block."""
    key = os.environ.get("OPENAI_API_KEY")
    if key:
        yield ModelEndpoint(os.environ.get("OPENAI_MODEL", MODEL), os.environ.get("OPENAI_BASE_URL", OPENAI), key)
        return
    with serving(_chat_completions) as url:
        yield ModelEndpoint(MODEL, f"{url}/v1", "scripted")


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """An HTTP server on a free port of loopback for this block; its URL. `answer` is called from several threads."""
    handler = type("_Bound", (_Handler,), {"answer": staticmethod(answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Answer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self.answer(self.path, request)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the base class)
        """Say nothing: the terminal belongs to the demo."""


def _chat_completions(path: str, request: dict[str, Any]) -> Reply:
    del path  # whatever is asked is a chat completion
    return Reply(json.dumps(_completion(request)).encode())


def _completion(request: dict[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = request["messages"]
    turn = sum(message["role"] == "assistant" for message in messages)
    tools: list[dict[str, Any]] = request.get("tools", [])
    move = _move(messages, tools, turn)
    message = chat_message((move,) if isinstance(move, ToolCall) else move)
    return chat_completion(message, turn, SERVED_MODEL, prompt_tokens=tokens(messages) + tokens(tools))


def chat_completion(
    message: dict[str, Any], turn: int, model: str, *, prompt_tokens: int, cached_tokens: int = 0
) -> dict[str, Any]:
    """The body of a chat completion with this message."""
    answer_tokens = tokens(message)
    return {
        "id": f"chatcmpl-scripted-{turn}",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
            **({"prompt_tokens_details": {"cached_tokens": cached_tokens}} if cached_tokens else {}),
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


def chat_message(move: Sequence[ToolCall] | Say) -> dict[str, Any]:
    """A move as the assistant message of a chat completion."""
    if isinstance(move, Say):
        return {"role": "assistant", "content": move.text}
    calls = [
        {
            "id": call_id("call"),
            "type": "function",
            "function": {"name": call.tool, "arguments": json.dumps(call.arguments)},
        }
        for call in move
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def call_id(prefix: str) -> str:
    """A new id for a tool call, unique as those of real providers are."""
    return f"{prefix}_{secrets.token_hex(12)}"


def tokens(value: object) -> int:
    """How many tokens the scripted model counts for a JSON value."""
    return len(json.dumps(value)) // 4
