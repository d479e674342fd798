"""AutoGen AgentChat; seen by its own spans, alone and with the openai client's instrumentation, and by OpenInference."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

_NO_CONTENT = "its spans carry neither messages nor arguments nor results"
_PERSON = "a person is a member of the team, asked by a hand-over"
_STREAMED = "streamed calls report 0 tokens"
FRAMEWORK = Framework(
    name="AutoGen AgentChat",
    requirements=("autogen-agentchat>=0.7,<0.8", "autogen-ext[openai]>=0.7,<0.8"),
    converses=True,
    setups=(
        Setup("native", not_emitted={"v05/failing step": _NO_CONTENT, "v05/documents": _NO_CONTENT}),
        Setup(
            "openinference",
            ("openinference-instrumentation-autogen-agentchat>=0.1.20,<0.2",),
            not_emitted={
                "v01s/tokens": _STREAMED,
                "v01s/cost": _STREAMED,
                "v07/output": "stopped by the limit: the last message is a tool's result",
            },
        ),
        Setup(
            "native+openai",
            ("openinference-instrumentation-openai>=0.1.50,<0.2",),
            not_emitted={"v07/output": "stopped by the limit: the last message is a tool's result"},
        ),
        through_instrument("autogen"),
    ),
    without={
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v10a_approval_approved": _PERSON,
        "v10b_approval_rejected": _PERSON,
    },
)
IMPORTS = ("autogen_agentchat.agents", "autogen_agentchat.teams", "autogen_ext.models.openai")


def instrument(setup: str) -> None:
    if setup == "openinference":
        from openinference.instrumentation.autogen_agentchat import AutogenAgentChatInstrumentor

        AutogenAgentChatInstrumentor().instrument()
    elif setup.endswith("+openai"):
        from openinference.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()


async def answer(desk: Desk) -> str:
    from openinference.instrumentation import using_session, using_user

    with using_session(desk.session_id), using_user(desk.user_id):
        runner = _team(desk) if desk.variant.hands_over else _support(desk)
        last: Any = None
        async for event in runner.run_stream(task=desk.ticket):
            last = event
    return str(last.messages[-1].content)


def _support(desk: Desk, name: str = "support_agent", **options: Any) -> Any:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_core.model_context import UnboundedChatCompletionContext
    from autogen_core.models import AssistantMessage, UserMessage

    kinds = {"user": UserMessage, "assistant": AssistantMessage}
    earlier = [kinds[role](content=words, source=role) for role, words in desk.history]
    return AssistantAgent(
        name,
        _client(desk),
        tools=[desk.search_help, *desk.tools],
        system_message=desk.instructions,
        max_tool_iterations=desk.limit,
        model_client_stream=desk.variant.streams,
        model_context=UnboundedChatCompletionContext(earlier),
        **options,
    )


def _team(desk: Desk) -> Any:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import TextMessageTermination
    from autogen_agentchat.teams import Swarm

    triage = AssistantAgent(
        "triage_agent", _client(desk), handoffs=["refund_agent"], system_message="Hand refunds over."
    )
    return Swarm([triage, _support(desk, "refund_agent")], termination_condition=TextMessageTermination("refund_agent"))


def _client(desk: Desk) -> Any:
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    return OpenAIChatCompletionClient(
        model=desk.model, base_url=f"{desk.model_url}/v1", api_key="scripted", include_name_in_message=False
    )
