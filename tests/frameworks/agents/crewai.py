"""CrewAI; seen by OpenInference, alone and with the openai client's instrumentation."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument
from whichstep_cli.demo.stories import ToolCall

_OPENINFERENCE = "openinference-instrumentation-crewai>=1,<2"
# A crew's token_usage sums what each agent's model object has used since it was made: earlier runs are in it, and a
# model that agents share is counted for each.
_TOTAL = "a crew's total is not that of the run: it goes on from run to run"
_UNSEEN = "it sees crews, tasks and agents; the crew's own model client and its tools have no spans"
FRAMEWORK = Framework(
    name="CrewAI",
    requirements=("crewai>=1.10,<2",),
    setups=(
        Setup("openinference", (_OPENINFERENCE,), not_emitted=dict.fromkeys(("tokens", "cost"), _TOTAL)),
        Setup("openinference+openai", (_OPENINFERENCE, "openinference-instrumentation-openai>=0.1.50,<0.2")),
        Setup(
            "openllmetry",
            ("opentelemetry-instrumentation-crewai>=0.62,<0.63",),
            not_emitted={
                **dict.fromkeys(("tokens", "cost"), _TOTAL),
                **dict.fromkeys(("steps", "tools", "errors", "failing step", "recovered"), _UNSEEN),
            },
        ),
        through_instrument("crewai"),
    ),
    without={
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v10a_approval_approved": "a person reviews a task's result on the console",
        "v10b_approval_rejected": "a person reviews a task's result on the console",
    },
    handoff=ToolCall(
        "delegate_work_to_coworker",
        {
            "task": "Refund the broken kettle of order A-1042.",
            "context": "It arrived broken.",
            "coworker": "refund_agent",
        },
    ),
)
IMPORTS = ("crewai",)


def instrument(setup: str) -> None:
    if setup == "openllmetry":
        from opentelemetry.instrumentation.crewai import CrewAIInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.crewai import CrewAIInstrumentor as Instrumentor
    Instrumentor().instrument()
    if setup.endswith("+openai"):
        from openinference.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()


def answer(desk: Desk) -> str:
    from crewai import Crew, Task
    from openinference.instrumentation import using_session, using_user

    agents = [_agent(desk, "support_agent")]
    if desk.variant.hands_over:
        agents = [_agent(desk, "triage_agent", delegates=True), _agent(desk, "refund_agent")]
    task = Task(description=desk.ticket, expected_output="An answer to the customer.", agent=agents[0])
    with using_session(desk.session_id), using_user(desk.user_id):
        return str(Crew(name="support", agents=agents, tasks=[task], verbose=False).kickoff().raw)


def _agent(desk: Desk, role: str, *, delegates: bool = False) -> Any:
    from crewai import LLM, Agent
    from crewai.tools import tool

    return Agent(
        role=role,
        goal="Answer support tickets.",
        backstory=desk.instructions,
        tools=[] if delegates else [tool(function.__name__)(function) for function in (desk.search_help, *desk.tools)],
        llm=LLM(
            model=f"openai/{desk.model}",
            base_url=f"{desk.model_url}/v1",
            api_key="scripted",
            stream=desk.variant.streams,
        ),
        max_iter=desk.limit,
        allow_delegation=delegates,
        verbose=False,
    )
