"""The openai client in a loop of one's own; seen by OpenTelemetry's and by OpenInference's instrumentation."""

from __future__ import annotations

import json
from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

# What a client without a trace of one's own cannot tell.
APART = {
    **dict.fromkeys(("v07/steps", "v07/tools"), "no later message tells that the last call ran"),
    "v07/failing step": "no span stands for the loop that was stopped",
}
FRAMEWORK = Framework(
    name="openai",
    requirements=("openai>=2.20,<3",),
    setups=(
        Setup(
            "otel-v2",
            # the instrumentation imports what the first release of the utilities removed
            ("opentelemetry-instrumentation-openai-v2>=2.3b0", "opentelemetry-util-genai>=0.3b0,<1"),
            environment={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
            not_emitted=APART,
        ),
        Setup("openllmetry", ("opentelemetry-instrumentation-openai>=0.62,<0.63",), not_emitted=APART),
        Setup("openinference", ("openinference-instrumentation-openai>=0.1.50,<0.2",), not_emitted=APART),
        through_instrument("openai", APART),
    ),
    converses=True,
    without={
        "v02b_tool_error_crashes_run": "the loop is one's own",
        "v08_handoff": "the client knows no agents",
        "v10a_approval_approved": "the client knows no approvals",
        "v10b_approval_rejected": "the client knows no approvals",
    },
)
IMPORTS = ("openai", "openai.resources.chat")


def instrument(setup: str) -> None:
    if setup == "otel-v2":
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor as Instrumentor
    elif setup == "openllmetry":
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.openai import OpenAIInstrumentor as Instrumentor
    Instrumentor().instrument()


def answer(desk: Desk) -> str | None:
    import openai

    client = openai.OpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    return converse(client, desk, {tool.__name__: tool for tool in (desk.search_help, *desk.tools)})


def converse(client: Any, desk: Desk, tools: dict[str, Any]) -> str | None:
    """Model and tools take turns until the model answers in words, or the limit is reached."""
    plain = {tool.__name__: tool for tool in (desk.search_help, *desk.tools)}
    offered = [schema_of(plain[name]) for name in tools]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": desk.instructions},
        *({"role": role, "content": words} for role, words in desk.history),
        {"role": "user", "content": desk.ticket},
    ]
    for _ in range(desk.limit):
        content, calls = _ask(client, desk, messages, offered)
        messages.append({"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})})
        if not calls:
            return content
        for call in calls:
            text = run_tool(tools[call["function"]["name"]], json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
    return None


def _ask(client: Any, desk: Desk, messages: list[dict[str, Any]], tools: list[Any]) -> tuple[str | None, list[Any]]:
    if not desk.variant.streams:
        message = client.chat.completions.create(model=desk.model, messages=messages, tools=tools).choices[0].message
        return message.content, [call.model_dump() for call in message.tool_calls or []]
    options = {"stream": True, "stream_options": {"include_usage": True}}
    text, calls = "", []
    for chunk in client.chat.completions.create(model=desk.model, messages=messages, tools=tools, **options):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for piece in choice.delta.tool_calls or []:
                if piece.index == len(calls):
                    calls.append(
                        {"id": piece.id, "type": "function", "function": {"name": piece.function.name, "arguments": ""}}
                    )
                calls[piece.index]["function"]["arguments"] += piece.function.arguments
    return text or None, calls


def run_tool(tool: Any, arguments: dict[str, Any]) -> str:
    """What the model is told of a call: the result as JSON, or the error."""
    try:
        return json.dumps(tool(**arguments))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def schema_of(tool: Any) -> dict[str, Any]:
    """The tool as it is offered to the model."""
    from openai import pydantic_function_tool
    from pydantic import create_model

    fields = {name: (kind, ...) for name, kind in _parameters(tool).items()}
    return pydantic_function_tool(create_model(tool.__name__, **fields), name=tool.__name__, description=tool.__doc__)


def _parameters(tool: Any) -> dict[str, Any]:
    from typing import get_type_hints

    return {name: kind for name, kind in get_type_hints(tool).items() if name != "return"}
