"""LangChain's create_agent, with its middleware for approvals; seen by OpenInference, by OpenLLMetry and through LangSmith."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

LANGSMITH = ("langsmith[otel]>=0.4.1,<1",)
LANGSMITH_ENVIRONMENT = {
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_OTEL_ENABLED": "true",
    "LANGSMITH_OTEL_ONLY": "true",
    "LANGSMITH_API_KEY": "none",
}
FRAMEWORK = Framework(
    name="LangChain",
    requirements=("langchain>=1.2,<2", "langchain-openai>=1.0,<2", "langgraph>=1.2,<2"),
    converses=True,
    setups=(
        Setup("openinference", ("openinference-instrumentation-langchain>=0.1.80,<0.2",)),
        Setup(
            "openllmetry",
            ("opentelemetry-instrumentation-langchain>=0.62,<0.63",),
            variants=("v01", "v02", "v06_", "v07_", "v10"),
        ),
        Setup("langsmith", LANGSMITH, environment=LANGSMITH_ENVIRONMENT),
        through_instrument("langchain"),
    ),
    without={"v08_handoff": "create_agent makes one agent; LangGraph has the team"},
)
IMPORTS = ("langchain.agents", "langchain_openai")


NODES, WRAPPED_NODES = 2, 6
"""Of the graph in one turn. What OpenLLMetry wraps counts as overridden: each hook of a middleware becomes a node."""
_nodes = NODES


def instrument(setup: str) -> None:
    global _nodes  # noqa: PLW0603
    if setup == "openinference":
        from openinference.instrumentation.langchain import LangChainInstrumentor

        LangChainInstrumentor().instrument()
    elif setup == "openllmetry":
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor

        LangchainInstrumentor().instrument()
        _nodes = WRAPPED_NODES


async def answer(desk: Desk) -> str:
    return await play(desk, nodes_a_turn=_nodes)


async def play(desk: Desk, *, nodes_a_turn: int) -> str:
    """The run, stopped at the limit of turns."""
    from langgraph.types import Command

    agent = _agent(desk)
    config: Any = {
        "recursion_limit": nodes_a_turn * desk.limit,
        "configurable": {"thread_id": desk.session_id},
        "metadata": {"session_id": desk.session_id, "user_id": desk.user_id},
    }
    given: Any = {"messages": [*desk.history, ("user", desk.ticket)]}
    if desk.variant.streams:
        async for _ in agent.astream(given, config, stream_mode="messages"):
            pass
        state = (await agent.aget_state(config)).values
    else:
        state = await agent.ainvoke(given, config)
    if "__interrupt__" in state:
        said = {"type": "approve" if desk.approves("issue_refund") else "reject"}
        state = await agent.ainvoke(Command(resume={"decisions": [said]}), config)
    return str(state["messages"][-1].content)


def _agent(desk: Desk) -> Any:
    from langchain.agents import create_agent
    from langchain.agents.middleware import HumanInTheLoopMiddleware, wrap_tool_call
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import StructuredTool
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.memory import InMemorySaver

    @wrap_tool_call
    async def told_to_the_model(request: Any, handler: Any) -> Any:
        try:
            return await handler(request)
        except ConnectionError as error:
            said = f"{type(error).__name__}: {error}"
        except (RuntimeError, TimeoutError) as error:
            said = f"{type(error).__name__}: {error}"
        return ToolMessage(said, tool_call_id=request.tool_call["id"], status="error")

    middleware: list[Any] = [] if desk.variant.name.startswith("v02b") else [told_to_the_model]
    if desk.variant.decision:
        middleware.append(HumanInTheLoopMiddleware({"issue_refund": {"allowed_decisions": ["approve", "reject"]}}))
    return create_agent(
        ChatOpenAI(model=desk.model, base_url=f"{desk.model_url}/v1", api_key="scripted", stream_usage=True),
        [StructuredTool.from_function(tool) for tool in (desk.search_help, *desk.tools)],
        system_prompt=desk.instructions,
        middleware=middleware,
        checkpointer=InMemorySaver(),
        name="support_agent",
    )
