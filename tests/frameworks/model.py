"""The scripted model of one run: answers in every wire format, and keeps a journal of its answers.

The endpoint serves one run, so the place in the script is a cursor: it moves on with every answer that was a move, and
stays where a client repeats a call that failed.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from frameworks.desk import TICKET
from frameworks.framework import Framework
from frameworks.variants import Fault, Move, Variant
from frameworks.wires import Turn, Wire, as_json
from frameworks.wires.anthropic import ANTHROPIC
from frameworks.wires.chat import CHAT
from frameworks.wires.dspy import DSPY
from frameworks.wires.gemini import GEMINI
from frameworks.wires.responses import RESPONSES
from frameworks.wires.smolagents_code import SMOLAGENTS_CODE
from whichstep_cli.demo.scripted_model import Reply, tokens
from whichstep_cli.demo.stories import Say, ToolCall

WIRES = (DSPY, SMOLAGENTS_CODE, CHAT, RESPONSES, ANTHROPIC, GEMINI)
SERVED = {"gpt-4o-mini": "gpt-4o-mini-2024-07-18"}
"""Providers answer with a dated name."""
FINAL_ANSWER, FINISH = "final_answer", "finish"
"""The tools by which some frameworks let the model end the run; after the second it is asked for its answer."""
HANDED_OVER = Say("The refund agent takes over.")
_DIMENSIONS = 8


class ScriptedModel:
    """The answers to one run, in order."""

    def __init__(self, variant: Variant, framework: Framework) -> None:
        self.journal: list[dict[str, Any]] = []
        self._variant, self._handoff, self._prefix = variant, framework.handoff, framework.tool_prefix
        self._cursor, self._faults, self._number = 0, 0, 0
        self._searched, self._handed_over = False, False
        self._lock = threading.Lock()

    def answer(self, path: str, request: dict[str, Any]) -> Reply:
        """The reply to one request; safe from several threads."""
        with self._lock:
            if "/embeddings" in path:
                return self._embedding(request)
            for wire in WIRES:
                if wire.path in path and wire.matches(request):
                    return self._say(wire, path, request)
        return as_json({"error": {"message": f"nothing is at {path}", "type": "invalid_request_error"}}, 404)

    def _say(self, wire: Wire, path: str, request: dict[str, Any]) -> Reply:
        model, stream = wire.model(path, request), wire.streams(path, request)
        entry: dict[str, Any] = {"api": wire.api, "model": model, "stream": stream}
        move = self._move([name.removeprefix(self._prefix) for name in wire.offered(request)])
        if isinstance(move, Fault):
            self._write(entry, status=move.status, tool_calls=[], usage=None)
            return _fault(wire, move)
        self._number += 1
        said = move.text if isinstance(move, Say) else None
        calls = [] if isinstance(move, Say) else [{"name": call.tool, "args": call.arguments} for call in move]
        turn = Turn(
            self._number,
            SERVED.get(model, model),
            move if isinstance(move, Say) else tuple(self._named(call) for call in move),
            input_tokens=tokens(wire.prompt(request)),
            output_tokens=tokens(said or calls),
            # the price list says nothing of Gemini's cache
            cached_tokens=0 if wire is GEMINI else self._variant.cached_tokens.get(self._number, 0),
        )
        usage = {"input": turn.input_tokens, "output": turn.output_tokens, "cached": turn.cached_tokens}
        self._write(entry, status=200, tool_calls=calls, content=said, usage=usage)
        return wire.reply(request, turn, stream=stream)

    def _move(self, offered: list[str]) -> Move:
        """The next move, in the tools of the agent that asks."""
        if self._handed_over and offered == [self._handoff.tool]:
            return HANDED_OVER
        move = self._next(offered)
        if isinstance(move, Say) and FINAL_ANSWER in offered:
            return (ToolCall(FINAL_ANSWER, {"answer": move.text}),)
        if isinstance(move, Say) and FINISH in offered:
            return (ToolCall(FINISH, {}),)
        return move

    def _named(self, call: ToolCall) -> ToolCall:
        """The call by the name under which the framework offers its tool."""
        return call if call.tool == self._handoff.tool else ToolCall(f"{self._prefix}{call.tool}", call.arguments)

    def _next(self, offered: list[str]) -> Move:
        """The agent that can hand over does so first, the one that can search does so next."""
        if self._variant.hands_over and not self._handed_over and self._handoff.tool in offered:
            self._handed_over = True
            return (self._handoff,)
        if "search_help" in offered and not self._searched:
            self._searched = True
            return (ToolCall("search_help", {"query": TICKET}),)
        moves = self._variant.moves
        move = moves[min(self._cursor, len(moves) - 1)]
        if isinstance(move, Fault):
            self._faults += 1
            if move.times is None or self._faults <= move.times:
                return move
            self._cursor += 1
            move = moves[self._cursor]
        self._cursor += 1
        return move

    def _write(self, entry: dict[str, Any], **more: Any) -> None:
        self.journal.append({"n": len(self.journal) + 1, **entry, **more, "time_ns": time.time_ns()})

    def _embedding(self, request: dict[str, Any]) -> Reply:
        texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
        used = tokens(texts)
        self._write(
            {"api": "embeddings", "model": request["model"], "stream": False}, status=200, usage={"input": used}
        )
        data = [
            {"object": "embedding", "index": index, "embedding": [round(1 / (index + place + 2), 4) for place in range(_DIMENSIONS)]}
            for index in range(len(texts))
        ]  # fmt: skip
        usage = {"prompt_tokens": used, "total_tokens": used}
        return as_json({"object": "list", "data": data, "model": request["model"], "usage": usage})


def _fault(wire: Wire, fault: Fault) -> Reply:
    text = "Too many requests" if fault.status == 429 else "The server had an error while processing your request"
    kind = "rate_limit_error" if fault.status == 429 else "api_error" if wire is ANTHROPIC else "server_error"
    if wire is ANTHROPIC:
        return as_json({"type": "error", "error": {"type": kind, "message": text}}, fault.status)
    if wire is GEMINI:
        reason = "RESOURCE_EXHAUSTED" if fault.status == 429 else "INTERNAL"
        return as_json({"error": {"code": fault.status, "message": text, "status": reason}}, fault.status)
    return as_json({"error": {"message": text, "type": kind, "param": None, "code": None}}, fault.status)
