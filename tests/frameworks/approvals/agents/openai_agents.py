"""OpenAI Agents SDK: the run stops by `needs_approval`; its state is kept as text."""

from __future__ import annotations

from typing import Any

from frameworks.approvals.play import MODEL, Job
from frameworks.approvals.scenarios import TICKET

NAME, PACKAGE, SUSPENDS = "OpenAI Agents SDK", "openai-agents", True
REQUIREMENTS = ("openai-agents>=0.20,<0.30",)
INSTRUMENTATION = ("openinference-instrumentation-openai-agents>=1.4",)
MECHANISM = "`needs_approval`, `resume(agent, state)`; `RunState` as text"


async def start(job: Job) -> str | None:
    from agents import Runner

    result = await Runner.run(_agent(job), TICKET)
    assert [item.tool_name for item in result.interruptions] == ["send_external_email"]
    job.keep("state", result.to_state().to_string())
    return None


async def go_on(job: Job) -> str:
    from agents.run_state import RunState

    from whichstep.integrations.openai_agents import resume

    agent = _agent(job)
    return str((await resume(agent, await RunState.from_string(agent, job.kept("state")))).final_output)


def _agent(job: Job) -> Any:
    from agents import Agent, OpenAIResponsesModel, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    import whichstep

    set_tracing_disabled(not job.instrumented)
    policy = whichstep.Policy.from_dict({}, default="auto")
    tools = policy.guard([function_tool(each) for each in job.functions], on_approval="suspend", **job.options)
    client = AsyncOpenAI(base_url=f"{job.model_url}/v1", api_key="scripted")
    return Agent(name="mailer", tools=tools, model=OpenAIResponsesModel(MODEL, client))
