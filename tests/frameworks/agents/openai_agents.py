"""OpenAI Agents SDK, over Responses and over chat completions; seen by OpenInference."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

_RESUMED = "of the run that goes on after the decision no span is exported"
HELD = "a call held for a person looks like one that ran and gave nothing, and nothing joins the run that goes on"
FRAMEWORK = Framework(
    name="OpenAI Agents SDK",
    requirements=("openai-agents>=0.20,<0.30",),
    setups=(
        Setup(
            "openinference",
            ("openinference-instrumentation-openai-agents>=2,<3",),
            not_emitted={
                f"{variant}/{fact}": _RESUMED
                for variant in ("v10a", "v10b")
                for fact in ("steps", "tools", "tokens", "cost", "status")
            },
        ),
        Setup(
            "openllmetry",
            ("opentelemetry-instrumentation-openai-agents>=0.62,<0.63",),
            not_emitted={f"{variant}/{fact}": HELD for variant in ("v10a", "v10b") for fact in ("steps", "tools")},
        ),
        through_instrument("openai-agents"),
    ),
    converses=True,
    without={"v02b_tool_error_crashes_run": "tool errors are told to the model"},
)
IMPORTS = ("agents",)


def instrument(setup: str) -> None:
    if setup == "openllmetry":
        from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor as Instrumentor
    Instrumentor().instrument()


async def answer(desk: Desk) -> str:
    return await play(desk, _session)


async def play(desk: Desk, session: Callable[[Desk], contextlib.AbstractContextManager[Any]]) -> str:
    """The run, and what goes on after a decision, each within a session as the instrumentation is told it."""
    from agents import RunConfig, Runner

    agent = _team(desk) if desk.variant.hands_over else _support(desk)
    options: dict[str, Any] = {
        "max_turns": desk.limit,
        "run_config": RunConfig(workflow_name="Customer support", group_id=desk.session_id),
    }
    earlier = [{"role": role, "content": words} for role, words in desk.history]
    asked: Any = [*earlier, {"role": "user", "content": desk.ticket}] if earlier else desk.ticket
    with session(desk):
        if desk.variant.streams:
            result: Any = Runner.run_streamed(agent, asked, **options)
            async for _ in result.stream_events():
                pass
        else:
            result = await Runner.run(agent, asked, **options)
    if getattr(result, "interruptions", None):
        state = _decided(desk, result)
        with session(desk):
            result = await Runner.run(agent, state, **options)
    return str(result.final_output)


def _decided(desk: Desk, result: Any) -> Any:
    state = result.to_state()
    for asked in result.interruptions:
        if desk.approves("issue_refund"):
            state.approve(asked)
        else:
            state.reject(asked)
    return state


@contextlib.contextmanager
def _session(desk: Desk) -> Iterator[None]:
    from openinference.instrumentation import using_session, using_user

    with using_session(desk.session_id), using_user(desk.user_id):
        yield


def _support(desk: Desk) -> Any:
    from agents import Agent, function_tool

    tools = [
        function_tool(
            tool, **({"needs_approval": True} if desk.variant.decision and tool.__name__ == "issue_refund" else {})
        )
        for tool in (desk.search_help, *desk.tools)
    ]
    return Agent(name="support_agent", instructions=desk.instructions, tools=tools, model=_model(desk))


def _team(desk: Desk) -> Any:
    from agents import Agent

    refunds = _support(desk).clone(name="refund_agent", handoff_description="Handles refunds")
    return Agent(name="triage_agent", instructions="Hand refunds over.", handoffs=[refunds], model=_model(desk))


def _model(desk: Desk) -> Any:
    from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    over_chat = desk.variant.name.startswith(("v04", "v09"))
    return (OpenAIChatCompletionsModel if over_chat else OpenAIResponsesModel)(desk.model, client)
