"""OpenAI chat completions as DSPy uses them: tools are listed in the prompt, and asked for in marked text."""

from __future__ import annotations

import json
import re
from typing import Any

from frameworks.wires import Turn, Wire
from frameworks.wires.chat import CHAT
from whichstep_cli.demo.scripted_model import Reply
from whichstep_cli.demo.stories import Say

_TOOL = re.compile(r"\(\d+\) (\w+), whose description")
_NEXT = "[[ ## next_tool_name ## ]]"
_GAVE_UP = Say("I have no answer.")


def _matches(request: dict[str, Any]) -> bool:
    return "[[ ## " in json.dumps(request.get("messages"))


def _offered(request: dict[str, Any]) -> list[str]:
    text = json.dumps(request["messages"])
    return _TOOL.findall(text) if _NEXT in text else []


def _reply(request: dict[str, Any], turn: Turn, *, stream: bool) -> Reply:
    if _NEXT in json.dumps(request["messages"]):
        assert not isinstance(turn.move, Say), "the tools that are listed have one to finish with"
        fields = {
            "next_thought": "I take the next step.",
            "next_tool_name": turn.move[0].tool,
            "next_tool_args": json.dumps(turn.move[0].arguments),
        }
    else:
        said = turn.move if isinstance(turn.move, Say) else _GAVE_UP
        fields = {"reasoning": "It is what was done.", "answer": said.text}
    text = "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in {**fields, "completed": ""}.items())
    whole = Turn(turn.number, turn.model, Say(text), turn.input_tokens, turn.output_tokens, turn.cached_tokens)
    return CHAT.reply(request, whole, stream=stream)


DSPY = Wire(api="chat", path=CHAT.path, offered=_offered, prompt=CHAT.prompt, reply=_reply, matches=_matches)
