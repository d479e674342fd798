"""The anthropic client in a loop of one's own; seen by OpenInference, by OpenLLMetry and by its own tracing."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

from frameworks.agents.plain_openai import APART
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

_TWICE = "the client traces itself too, and the two sights of a failed call share no response id"
_PLAIN = "no content is sent: neither that tools were asked for nor what they answered"
FRAMEWORK = Framework(
    name="anthropic",
    requirements=("anthropic>=1,<3",),
    setups=(
        Setup("openinference", ("openinference-instrumentation-anthropic>=1,<4",), not_emitted=APART),
        Setup(
            "openllmetry",
            ("opentelemetry-instrumentation-anthropic>=0.62,<0.63",),
            not_emitted={**APART, "v06/errors": _TWICE},
        ),
        Setup(
            "native",
            environment={"ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"},
            not_emitted=APART,
            variants=("v01", "v02_", "v05_", "v06_", "v07_"),
        ),
        Setup(
            "native-plain",
            not_emitted=dict.fromkeys(("steps", "tools", "errors", "failing step"), _PLAIN),
            variants=("v01_", "v02_", "v06_"),
        ),
        through_instrument("anthropic", APART),
    ),
    converses=True,
    without={
        "v02b_tool_error_crashes_run": "the loop is one's own",
        "v08_handoff": "the client knows no agents",
        "v10a_approval_approved": "the client knows no approvals",
        "v10b_approval_rejected": "the client knows no approvals",
    },
)
IMPORTS = ("anthropic",)
MODEL = "claude-sonnet-4-5"
_JSON_TYPES = {str: "string", float: "number"}


def instrument(setup: str) -> None:
    if setup.startswith("native"):
        return
    if setup == "openllmetry":
        from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.anthropic import AnthropicInstrumentor as Instrumentor
    Instrumentor().instrument()


def answer(desk: Desk) -> str | None:
    import anthropic

    client = anthropic.Anthropic(base_url=desk.model_url, api_key="scripted")
    tools = {tool.__name__: tool for tool in (desk.search_help, *desk.tools)}
    request: dict[str, Any] = {
        "model": desk.model,
        "max_tokens": 500,
        "system": desk.instructions,
        "tools": [_schema(tool) for tool in tools.values()],
        "messages": [{"role": role, "content": words} for role, words in (*desk.history, ("user", desk.ticket))],
    }
    for _ in range(desk.limit):
        message = _ask(client, desk, request)
        request["messages"].append({"role": "assistant", "content": [block.model_dump() for block in message.content]})
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return str(message.content[0].text)
        results = [
            {"type": "tool_result", "tool_use_id": call.id, **_run(tools[call.name], call.input)} for call in calls
        ]
        request["messages"].append({"role": "user", "content": results})
    return None


def _ask(client: Any, desk: Desk, request: dict[str, Any]) -> Any:
    if not desk.variant.streams:
        return client.messages.create(**request)
    with client.messages.stream(**request) as stream:
        return stream.get_final_message()


def _run(tool: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"content": json.dumps(tool(**arguments))}
    except Exception as error:
        return {"content": f"{type(error).__name__}: {error}", "is_error": True}


def _schema(tool: Any) -> dict[str, Any]:
    hints = {name: kind for name, kind in get_type_hints(tool).items() if name != "return"}
    properties = {name: {"type": _JSON_TYPES[kind]} for name, kind in hints.items()}
    return {
        "name": tool.__name__,
        "description": tool.__doc__,
        "input_schema": {"type": "object", "properties": properties, "required": list(hints)},
    }
