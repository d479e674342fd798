"""LangGraph: retrieve, then model and tools take turns; seen by OpenInference, by OpenLLMetry and through LangSmith.

Annotations are evaluated here: LangChain reads those of the tools.
"""

from typing import Annotated, Any

from frameworks.agents import langchain
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

FRAMEWORK = Framework(
    name="LangGraph",
    requirements=("langgraph>=1.2,<2", "langchain>=1.2,<2", "langchain-openai>=1.0,<2"),
    converses=True,
    setups=(
        Setup("openinference", ("openinference-instrumentation-langchain>=0.1.80,<0.2",)),
        Setup("openllmetry", ("opentelemetry-instrumentation-langchain>=0.62,<0.63",)),
        Setup(
            "langsmith",
            langchain.LANGSMITH,
            environment=langchain.LANGSMITH_ENVIRONMENT,
            variants=("v01_", "v02b_", "v06_", "v08_", "v10"),
        ),
        through_instrument("langgraph"),
    ),
)
STEPS_MAX = 12
IMPORTS = ("langgraph.graph", "langgraph.prebuilt", "langchain_openai")


def instrument(setup: str) -> None:
    langchain.instrument(setup)


async def answer(desk: Desk) -> str:
    return await play(desk, {"session_id": desk.session_id, "user_id": desk.user_id})


async def play(desk: Desk, metadata: dict[str, Any], **options: Any) -> str:
    """The run, with this metadata and further options of its configuration."""
    from langgraph.types import Command

    graph = _handing_over(desk) if desk.variant.hands_over else _support(desk)
    config = {
        "recursion_limit": STEPS_MAX,
        "configurable": {"thread_id": desk.session_id},
        "metadata": metadata,
        **options,
    }
    given: Any = {"messages": [*desk.history, ("user", desk.ticket)]}
    if desk.variant.streams:
        async for _ in graph.astream(given, config, stream_mode="messages"):
            pass
        state = (await graph.aget_state(config)).values
    else:
        state = await graph.ainvoke(given, config)
    if "__interrupt__" in state:
        state = await graph.ainvoke(Command(resume=desk.approves("issue_refund")), config)
    return str(state["messages"][-1].content)


def _support(desk: Desk) -> Any:
    """START → retrieve → model ⇄ tools."""
    from langchain_core.messages import SystemMessage
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    class State(MessagesState):
        articles: str

    retriever, chat, tools = _retriever(desk), _chat(desk), _tools(desk)
    bound = chat.bind_tools(tools)

    async def retrieve(state: State) -> dict[str, Any]:
        found = await retriever.ainvoke(str(state["messages"][-1].content))
        return {"articles": "\n\n".join(document.page_content for document in found)}

    async def model(state: State) -> dict[str, Any]:
        system = SystemMessage(f"{desk.instructions}\n\nHelp articles:\n{state.get('articles') or 'none found'}")
        return {"messages": [await bound.ainvoke([system, *state["messages"]])]}

    graph = StateGraph(State)
    graph.add_node("retrieve", retrieve)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode(tools, handle_tool_errors=desk.variant.name[:4] != "v02b"))
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(name="support_agent", checkpointer=InMemorySaver())


def _handing_over(desk: Desk) -> Any:
    """A triage node whose tool hands the conversation to the graph above."""
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import InjectedToolCallId, tool
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition
    from langgraph.types import Command

    @tool
    def transfer_to_refund_agent(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command:
        """Hand the conversation over to the refund agent."""
        said = ToolMessage("handed over", tool_call_id=tool_call_id, name="transfer_to_refund_agent")
        return Command(goto="refund_agent", update={"messages": [said]})

    bound = _chat(desk).bind_tools([transfer_to_refund_agent])

    async def triage_agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("triage_agent", triage_agent)
    graph.add_node("tools", ToolNode([transfer_to_refund_agent]), destinations=("refund_agent",))
    graph.add_node("refund_agent", _support(desk))
    graph.add_edge(START, "triage_agent")
    graph.add_conditional_edges("triage_agent", tools_condition)
    return graph.compile(name="support_team", checkpointer=InMemorySaver())


def _chat(desk: Desk) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=desk.model, base_url=f"{desk.model_url}/v1", api_key="scripted", stream_usage=True)


def _tools(desk: Desk) -> list[Any]:
    from langchain_core.tools import StructuredTool
    from langgraph.types import interrupt

    def issue_refund(order_id: str, amount: float) -> dict[str, Any] | str:
        """Pay an amount in euros back for an order."""
        if not interrupt({"tool": "issue_refund", "order_id": order_id, "amount": amount}):
            return "REJECTED: a colleague did not approve this refund"
        return desk.issue_refund(order_id, amount)

    functions = [
        issue_refund if desk.variant.decision and tool.__name__ == "issue_refund" else tool for tool in desk.tools
    ]
    return [StructuredTool.from_function(function) for function in functions]


def _retriever(desk: Desk) -> Any:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class HelpCenter(BaseRetriever):
        def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
            return [
                Document(id=hit["id"], page_content=hit["content"], metadata={"score": hit["score"]})
                for hit in desk.search_help(query)
            ]

    return HelpCenter()
