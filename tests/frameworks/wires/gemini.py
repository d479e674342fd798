"""Google Gemini, generateContent."""

from __future__ import annotations

from typing import Any

from frameworks.wires import Turn, Wire, as_events, as_json
from whichstep_cli.demo.scripted_model import Reply
from whichstep_cli.demo.stories import Say


def _reply(request: dict[str, Any], turn: Turn, *, stream: bool) -> Reply:
    del request
    parts = (
        [{"text": turn.move.text}]
        if isinstance(turn.move, Say)
        else [{"functionCall": {"name": call.tool, "args": call.arguments}} for call in turn.move]
    )
    usage = {
        "promptTokenCount": turn.input_tokens,
        "candidatesTokenCount": turn.output_tokens,
        "totalTokenCount": turn.input_tokens + turn.output_tokens,
    }
    if turn.cached_tokens:
        usage["cachedContentTokenCount"] = turn.cached_tokens
    whole = {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage,
        "modelVersion": turn.model,
        "responseId": f"gemini-scripted-{turn.number}",
    }
    return as_events([(None, whole)]) if stream else as_json(whole)


def _offered(request: dict[str, Any]) -> list[str]:
    return [
        function["name"]
        for tool in request.get("tools") or []
        for function in tool.get("functionDeclarations") or tool.get("function_declarations") or []
    ]


GEMINI = Wire(
    api="gemini",
    path="enerateContent",  # generateContent, streamGenerateContent
    offered=_offered,
    prompt=lambda request: [request.get("systemInstruction"), request["contents"], request.get("tools")],
    reply=_reply,
    model=lambda path, _: path.rsplit("/", 1)[-1].split(":")[0],
    streams=lambda path, _: ":stream" in path,
)
