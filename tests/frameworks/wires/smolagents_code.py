"""OpenAI chat completions as smolagents' CodeAgent uses them: tools are functions in the prompt, called in code."""

from __future__ import annotations

import json
import re
from typing import Any

from frameworks.wires import Turn, Wire
from frameworks.wires.chat import CHAT
from whichstep_cli.demo.scripted_model import Reply
from whichstep_cli.demo.stories import Say, ToolCall

_TOOL = re.compile(r"(?:^|\\n)def (\w+)\(")
_FINAL = "def final_answer("
_OPENING, _CLOSING = "<code>", "</code>"


def _text(request: dict[str, Any]) -> str:
    return json.dumps(request.get("messages"))


def _matches(request: dict[str, Any]) -> bool:
    text = _text(request)
    return _OPENING in text and _FINAL in text


def _reply(request: dict[str, Any], turn: Turn, *, stream: bool) -> Reply:
    said = turn.move.text if isinstance(turn.move, Say) else _code(turn.move)
    whole = Turn(turn.number, turn.model, Say(said), turn.input_tokens, turn.output_tokens, turn.cached_tokens)
    return CHAT.reply(request, whole, stream=stream)


def _code(calls: tuple[ToolCall, ...]) -> str:
    lines = [_line(call) for call in calls]
    return "\n".join(["Thought: I take the next step.", _OPENING, *lines, _CLOSING])


def _line(call: ToolCall) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    called = f"{call.tool}({given})"
    return called if call.tool == "final_answer" else f"print({called})"


SMOLAGENTS_CODE = Wire(
    api="chat",
    path=CHAT.path,
    offered=lambda request: _TOOL.findall(_text(request)),
    prompt=CHAT.prompt,
    reply=_reply,
    matches=_matches,
)
