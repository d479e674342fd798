"""Agno; seen by OpenInference and by OpenLLMetry."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

_SILENT = "when the model's provider fails, every span says OK and the error's words stand for the answer"
_GOES_ON = "the run that goes on after the decision has no span: its calls are traces apart, without a session"
_NOT_EMITTED = {
    **{f"v06/{fact}": _SILENT for fact in ("errors", "status", "output", "tokens", "cost", "failing step")},
    **{f"{variant}/{fact}": _GOES_ON for variant in ("v10a", "v10b") for fact in ("one execution", "steps", "output")},
}
_UNTYPED = "of a tool's error its message is sent, and not its type"
_OPENLLMETRY = {
    **_NOT_EMITTED,
    **{f"{variant}/errors": _UNTYPED for variant in ("v02", "v03", "v09")},
    **{f"{variant}/{fact}": _GOES_ON for variant in ("v10a", "v10b") for fact in ("tokens", "cost")},
}
FRAMEWORK = Framework(
    name="Agno",
    requirements=("agno>=3,<4", "openai>=2.20,<3"),
    setups=(
        Setup("openinference", ("openinference-instrumentation-agno>=0.1.30,<0.2",), not_emitted=_NOT_EMITTED),
        Setup("openllmetry", ("opentelemetry-instrumentation-agno>=0.62,<0.63",), not_emitted=_OPENLLMETRY),
        through_instrument("agno"),
    ),
    without={
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v07_loop_limit": "tool calls over the limit are refused one by one, and the run goes on",
        "v08_handoff": "a team's leader answers for its members",
    },
)
IMPORTS = ("agno.agent", "agno.models.openai")


def instrument(setup: str) -> None:
    if setup == "openllmetry":
        from opentelemetry.instrumentation.agno import AgnoInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.agno import AgnoInstrumentor as Instrumentor
    Instrumentor().instrument()


def answer(desk: Desk) -> str:
    agent = _agent(desk)
    if desk.variant.streams:
        *_, last = agent.run(desk.ticket, stream=True, yield_run_output=True)
        return str(last.content)
    result = agent.run(desk.ticket)
    if result.is_paused:
        for asked in result.active_requirements:
            asked.confirm() if desk.approves("issue_refund") else asked.reject(
                "a colleague did not approve this refund"
            )
        result = agent.continue_run(run_id=result.run_id, requirements=result.requirements)
    if result.status == "ERROR":
        raise RuntimeError(result.content)
    return str(result.content)


def _agent(desk: Desk) -> Any:
    from agno.agent import Agent
    from agno.db.in_memory import InMemoryDb
    from agno.models.openai import OpenAIChat
    from agno.tools import tool

    held = bool(desk.variant.decision)
    return Agent(
        name="support_agent",
        model=OpenAIChat(id=desk.model, base_url=f"{desk.model_url}/v1", api_key="scripted"),
        tools=[
            tool(requires_confirmation=True)(function) if held and function.__name__ == "issue_refund" else function
            for function in (desk.search_help, *desk.tools)
        ],
        instructions=desk.instructions,
        session_id=desk.session_id,
        user_id=desk.user_id,
        db=InMemoryDb(),
        telemetry=False,
    )
