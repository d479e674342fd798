"""LangChain: create_agent with its human-in-the-loop middleware, decided in the inbox."""

from __future__ import annotations

from typing import Any

from frameworks.approvals.play import MODEL, Job
from frameworks.approvals.scenarios import TICKET

NAME, PACKAGE, SUSPENDS = "LangChain", "langchain", True
REQUIREMENTS = (
    "langchain>=1.2,<2",
    "langchain-openai>=1.0,<2",
    "langgraph>=1.2,<2",
    "langgraph-checkpoint-sqlite>=3,<4",
)
INSTRUMENTATION = ("openinference-instrumentation-langchain>=0.1.50",)
MECHANISM = "`HumanInTheLoopMiddleware(interrupt_on(tools))`, `resume(agent, config)`; SQLite checkpoint"


async def start(job: Job) -> str | None:
    async with _checkpointer(job) as saver:
        state = await _agent(job, saver).ainvoke({"messages": [("user", TICKET)]}, _config(job))
    assert state["__interrupt__"][0].value["action_requests"][0]["name"] == "send_external_email"
    return None


async def go_on(job: Job) -> str:
    from whichstep.integrations.langgraph import aresume

    async with _checkpointer(job) as saver:
        state = await aresume(_agent(job, saver), _config(job))
    return str(state["messages"][-1].content)


def _checkpointer(job: Job) -> Any:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    return AsyncSqliteSaver.from_conn_string(str(job.folder / f"{job.scenario}.sqlite"))


def _config(job: Job) -> Any:
    return {"configurable": {"thread_id": job.key}}


def _agent(job: Job, saver: Any) -> Any:
    from langchain.agents import create_agent
    from langchain.agents.middleware import HumanInTheLoopMiddleware
    from langchain_core.tools import StructuredTool
    from langchain_openai import ChatOpenAI

    import whichstep
    from whichstep.integrations.langchain import interrupt_on

    policy = whichstep.Policy.from_dict({}, default="auto")
    tools = policy.guard(
        [StructuredTool.from_function(function) for function in job.functions], on_approval="suspend", **job.options
    )
    return create_agent(
        ChatOpenAI(model=MODEL, base_url=f"{job.model_url}/v1", api_key="scripted"),
        tools,
        middleware=[HumanInTheLoopMiddleware(interrupt_on(tools))],
        checkpointer=saver,
        name="mailer",
    )
