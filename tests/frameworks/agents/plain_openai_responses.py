"""The openai client's Responses API in a loop of one's own; seen by OpenInference and by OpenLLMetry."""

from __future__ import annotations

import json
from typing import Any

from frameworks.agents import plain_openai
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

FRAMEWORK = Framework(
    name="openai (Responses)",
    requirements=plain_openai.FRAMEWORK.requirements,
    setups=(
        Setup("openinference", ("openinference-instrumentation-openai>=0.1.50,<0.2",), not_emitted=plain_openai.APART),
        Setup("openllmetry", ("opentelemetry-instrumentation-openai>=0.62,<0.63",), not_emitted=plain_openai.APART),
    ),
    converses=True,
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = ("openai", "openai.resources.responses")
instrument = plain_openai.instrument


def answer(desk: Desk) -> str | None:
    import openai

    client = openai.OpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    tools = {tool.__name__: tool for tool in (desk.search_help, *desk.tools)}
    offered = [_flat(plain_openai.schema_of(tool)) for tool in tools.values()]
    given: list[Any] = [{"role": role, "content": words} for role, words in (*desk.history, ("user", desk.ticket))]
    for _ in range(desk.limit):
        response = _ask(client, desk, given, offered)
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return str(response.output_text)
        given += [item.model_dump(exclude_none=True) for item in response.output]
        for call in calls:
            output = plain_openai.run_tool(tools[call.name], json.loads(call.arguments))
            given.append({"type": "function_call_output", "call_id": call.call_id, "output": output})
    return None


def _ask(client: Any, desk: Desk, given: list[Any], tools: list[Any]) -> Any:
    request = {"model": desk.model, "instructions": desk.instructions, "input": given, "tools": tools}
    if not desk.variant.streams:
        return client.responses.create(**request)
    *_, last = client.responses.create(**request, stream=True)
    return last.response


def _flat(schema: Any) -> dict[str, Any]:
    return {"type": "function", **schema["function"]}
