"""CrewAI: the call of the tool waits, in a thread a crew."""

from __future__ import annotations

import asyncio
from typing import Any

from frameworks.approvals.play import MODEL, Job
from frameworks.approvals.scenarios import TICKET

NAME, PACKAGE, SUSPENDS = "CrewAI", "crewai", False
REQUIREMENTS = ("crewai>=1.10,<2",)
INSTRUMENTATION = ("openinference-instrumentation-crewai>=1.0", "openinference-instrumentation-openai>=0.1.41")
MECHANISM = "the call waits"


async def start(job: Job) -> str:
    return str(await asyncio.to_thread(_answer, job))


def _answer(job: Job) -> Any:
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool

    import whichstep

    policy = whichstep.Policy.from_dict({}, default="auto")
    tools = policy.guard([tool(function.__name__)(function) for function in job.functions], **job.options)
    agent = Agent(
        role="mailer",
        goal="Write to customers.",
        backstory="You write to customers.",
        tools=tools,
        llm=LLM(model=f"openai/{MODEL}", base_url=f"{job.model_url}/v1", api_key="scripted"),
        verbose=False,
    )
    task = Task(description=TICKET, expected_output="What was done.", agent=agent)
    return Crew(name="mail", agents=[agent], tasks=[task], verbose=False).kickoff().raw
