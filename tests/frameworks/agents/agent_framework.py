"""Microsoft Agent Framework; seen by its own spans."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument
from whichstep_cli.demo.stories import ToolCall

FRAMEWORK = Framework(
    name="Microsoft Agent Framework",
    requirements=("agent-framework-core>=1.10,<2", "agent-framework-openai>=1.10,<2"),
    converses=True,
    setups=(
        Setup("native"),
        Setup("native+openai", ("openinference-instrumentation-openai>=0.1.50,<0.2",)),
        through_instrument("agent-framework"),
    ),
    without={"v02b_tool_error_crashes_run": "tool errors are told to the model"},
    handoff=ToolCall("transfer_to_refund_agent", {"task": "Refund the broken kettle of order A-1042."}),
)
IMPORTS = ("agent_framework", "agent_framework.openai", "agent_framework.observability")


def instrument(setup: str) -> None:
    if setup.endswith("+openai"):
        from openinference.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()
    from agent_framework.observability import enable_instrumentation, enable_sensitive_telemetry

    enable_instrumentation()
    enable_sensitive_telemetry()


async def answer(desk: Desk) -> str:
    agent = _team(desk) if desk.variant.hands_over else _agent(desk, "support_agent")
    session = agent.create_session(session_id=desk.session_id)
    if desk.variant.streams:
        stream = agent.run(_asked(desk), session=session, stream=True)
        async for _ in stream:
            pass
        return str((await stream.get_final_response()).text)
    result = await agent.run(_asked(desk), session=session)
    for asked in result.user_input_requests:
        result = await agent.run(_decided(desk, asked), session=session)
    return str(result.text)


def _asked(desk: Desk) -> Any:
    from agent_framework import Message

    if not desk.history:
        return desk.ticket
    return [Message(role, [words]) for role, words in (*desk.history, ("user", desk.ticket))]


def _decided(desk: Desk, asked: Any) -> Any:
    from agent_framework import Message

    return Message("user", [asked.to_function_approval_response(desk.approves("issue_refund"))])


def _agent(desk: Desk, name: str) -> Any:
    from agent_framework import Agent, tool

    held = bool(desk.variant.decision)
    tools = [
        tool(
            function,
            approval_mode="always_require" if held and function.__name__ == "issue_refund" else "never_require",
        )
        for function in (desk.search_help, *desk.tools)
    ]
    return Agent(_client(desk), desk.instructions, name=name, description="Handles refunds.", tools=tools)


def _team(desk: Desk) -> Any:
    """The refund agent as a tool of the triage agent."""
    from agent_framework import Agent

    refunds = _agent(desk, "refund_agent").as_tool(name="transfer_to_refund_agent", arg_name="task")
    return Agent(_client(desk), "Hand refunds over.", name="triage_agent", tools=[refunds])


def _client(desk: Desk) -> Any:
    from agent_framework.openai import OpenAIChatCompletionClient

    return OpenAIChatCompletionClient(
        desk.model,
        api_key="scripted",
        base_url=f"{desk.model_url}/v1",
        function_invocation_configuration={"max_iterations": desk.limit},
    )
