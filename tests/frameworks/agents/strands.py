"""Strands Agents; seen by its own tracer."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument
from whichstep_cli.demo.stories import ToolCall

FRAMEWORK = Framework(
    name="Strands Agents",
    requirements=("strands-agents[openai,otel]>=1.40,<2",),
    converses=True,
    setups=(
        Setup("native"),
        Setup("native+openai", ("opentelemetry-instrumentation-openai>=0.62,<0.63",)),
        through_instrument("strands"),
    ),
    without={
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v07_loop_limit": "one agent has no limit",
    },
    handoff=ToolCall("handoff_to_agent", {"agent_name": "refund_agent", "message": "Refund the broken kettle."}),
)
IMPORTS = ("strands", "strands.multiagent", "strands.models.openai")


def instrument(setup: str) -> None:
    if setup.endswith("+openai"):  # it traces itself to the global provider
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()


async def answer(desk: Desk) -> str:
    if desk.variant.hands_over:
        return await _team(desk)
    agent = _agent(desk, "support_agent")
    if desk.variant.streams:
        async for event in agent.stream_async(desk.ticket):
            last = event
        return str(last["result"]).strip()
    result = await agent.invoke_async(desk.ticket)
    if result.stop_reason == "interrupt":
        said = "yes" if desk.approves("issue_refund") else "no"
        answers = [{"interruptResponse": {"interruptId": each.id, "response": said}} for each in result.interrupts]
        result = await agent.invoke_async(answers)
    return str(result).strip()


def _agent(desk: Desk, name: str, *, tools: bool = True, description: str = "Handles refunds.") -> Any:
    from strands import Agent, tool

    return Agent(
        model=_model(desk),
        tools=[tool(function) for function in (desk.search_help, *desk.tools)] if tools else [],
        system_prompt=desk.instructions,
        messages=[{"role": role, "content": [{"text": words}]} for role, words in desk.history],
        name=name,
        description=description,
        callback_handler=None,
        hooks=[_Gate(desk)] if desk.variant.decision else [],
        trace_attributes={"session.id": desk.session_id, "user.id": desk.user_id},
    )


class _Gate:
    """Interrupts before the refund, and cancels it when a person says no."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register_hooks(self, registry: Any, **_: Any) -> None:
        from strands.hooks import BeforeToolCallEvent

        registry.add_callback(BeforeToolCallEvent, self._ask)

    def _ask(self, event: Any) -> None:
        if event.tool_use["name"] == "issue_refund" and event.interrupt("issue_refund", reason="a refund") != "yes":
            event.cancel_tool = "a colleague did not approve this refund"


async def _team(desk: Desk) -> str:
    from strands.multiagent import Swarm

    refunds = _agent(desk, "refund_agent")
    triage = _agent(desk, "triage_agent", tools=False, description="Hands over.")
    swarm = Swarm([triage, refunds], entry_point=triage, trace_attributes={"session.id": desk.session_id})
    result = await swarm.invoke_async(desk.ticket)
    return str(result.results["refund_agent"].result).strip()


def _model(desk: Desk) -> Any:
    from strands.models.openai import OpenAIModel

    client = {"base_url": f"{desk.model_url}/v1", "api_key": "scripted"}
    return OpenAIModel(client_args=client, model_id=desk.model)
