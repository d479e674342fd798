"""AG2; seen by its own telemetry middleware."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup
from whichstep_cli.demo.stories import ToolCall

FRAMEWORK = Framework(
    name="AG2",
    requirements=("ag2[openai]>=1,<2",),
    setups=(Setup("native"),),
    without={
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v07_loop_limit": "one agent has no limit",
    },
    handoff=ToolCall("transfer_to_refund_agent", {"objective": "Refund the broken kettle of order A-1042."}),
)
IMPORTS = ("ag2", "ag2.config.openai", "ag2.middleware.builtin.telemetry", "ag2.middleware.builtin.tools.approval")


def instrument(setup: str) -> None:
    del setup  # the agent brings its middleware


async def answer(desk: Desk) -> str | None:
    agent = _team(desk) if desk.variant.hands_over else _agent(desk, "support_agent")
    return (await agent.ask(desk.ticket)).body


def _agent(desk: Desk, name: str) -> Any:
    from ag2 import Agent

    return Agent(
        name,
        desk.instructions,
        config=_config(desk),
        tools=[_tool(desk, function) for function in (desk.search_help, *desk.tools)],
        middleware=[_telemetry(desk, name)],
        hitl_hook=lambda: "yes" if desk.approves("issue_refund") else "no",
    )


def _tool(desk: Desk, function: Any) -> Any:
    from ag2 import tool
    from ag2.middleware.builtin.tools.approval import approval_required

    if desk.variant.decision and function.__name__ == "issue_refund":
        return tool(function, middleware=[approval_required()])
    return tool(function)


def _team(desk: Desk) -> Any:
    from ag2 import Agent

    refunds = _agent(desk, "refund_agent").as_tool(description="Handles refunds.", name="transfer_to_refund_agent")
    return Agent(
        "triage_agent",
        "Hand refunds over.",
        config=_config(desk),
        tools=[refunds],
        middleware=[_telemetry(desk, "triage_agent")],
    )


def _telemetry(desk: Desk, name: str) -> Any:
    from ag2.middleware.builtin.telemetry import TelemetryMiddleware

    ids = {"session.id": desk.session_id, "user.id": desk.user_id}
    return TelemetryMiddleware(agent_name=name, provider_name="openai", model_name=desk.model, span_attributes=ids)


def _config(desk: Desk) -> Any:
    from ag2.config.openai import OpenAIConfig

    return OpenAIConfig(desk.model, api_key="scripted", base_url=f"{desk.model_url}/v1", streaming=desk.variant.streams)
