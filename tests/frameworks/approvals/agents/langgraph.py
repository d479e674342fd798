"""LangGraph: model and tools take turns; the graph stops by `interrupt`, its checkpoint is in SQLite."""

from typing import Any

from frameworks.approvals.play import MODEL, Job
from frameworks.approvals.scenarios import TICKET

NAME, PACKAGE, SUSPENDS = "LangGraph", "langgraph", True
REQUIREMENTS = ("langgraph>=1.2,<2", "langchain-openai>=1.0,<2", "langgraph-checkpoint-sqlite>=3,<4")
INSTRUMENTATION = ("openinference-instrumentation-langchain>=0.1.50",)
MECHANISM = "`interrupt`, `resume(graph, config)`; SQLite checkpoint"


async def start(job: Job) -> str | None:
    async with _checkpointer(job) as saver:
        state = await _graph(job, saver).ainvoke({"messages": [("user", TICKET)]}, _config(job))
    assert state["__interrupt__"][0].value["action"] == "send_external_email"
    return None


async def go_on(job: Job) -> str:
    from whichstep.integrations.langgraph import aresume

    async with _checkpointer(job) as saver:
        state = await aresume(_graph(job, saver), _config(job))
    return str(state["messages"][-1].content)


def _checkpointer(job: Job) -> Any:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    return AsyncSqliteSaver.from_conn_string(str(job.folder / f"{job.scenario}.sqlite"))


def _config(job: Job) -> Any:
    return {"configurable": {"thread_id": job.key}}


def _graph(job: Job, saver: Any) -> Any:
    from langchain_core.tools import StructuredTool
    from langchain_openai import ChatOpenAI
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    import whichstep

    policy = whichstep.Policy.from_dict({}, default="auto")
    tools = policy.guard(
        [StructuredTool.from_function(function) for function in job.functions], on_approval="suspend", **job.options
    )
    chat = ChatOpenAI(model=MODEL, base_url=f"{job.model_url}/v1", api_key="scripted").bind_tools(tools)

    async def model(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await chat.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(name="mailer", checkpointer=saver)
