"""A support agent in LangGraph: retrieve help articles, then let the model and the tools take turns.

    START → retrieve → model ⇄ tools
                         └──▶ END

Nothing here knows whichstep: `whichstep.instrument()` in the program that runs it is all that tracing takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.messages import SystemMessage
from langchain_core.retrievers import BaseRetriever
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import SecretStr

from whichstep_cli.demo.help_center import search
from whichstep_cli.demo.scripted_model import ModelEndpoint
from whichstep_cli.demo.shop import Shop

INSTRUCTIONS = "You answer support tickets of a shop for coffee gear. Act only on what the help articles allow."
STEPS_MAX = 12


class SupportState(MessagesState):
    """What the nodes hand on: the conversation and the articles found for it."""

    articles: str


class HelpCenter(BaseRetriever):
    """The shop's help centre as a LangChain retriever."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del run_manager  # the search has no steps of its own to report
        return [
            Document(id=hit["id"], page_content=hit["content"], metadata={"score": hit["score"]})
            for hit in search(query)
        ]


def build_agent(shop: Shop, endpoint: ModelEndpoint) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The compiled graph, over one shop and one model."""
    tools: list[Callable[..., Any]] = [shop.lookup_order, shop.issue_refund, shop.send_external_email]
    chat = ChatOpenAI(
        model=endpoint.model, base_url=endpoint.base_url, api_key=SecretStr(endpoint.api_key), temperature=0
    ).bind_tools(tools)
    help_center = HelpCenter()

    def retrieve(state: SupportState) -> dict[str, Any]:
        found = help_center.invoke(str(state["messages"][-1].content))
        return {"articles": "\n\n".join(document.page_content for document in found)}

    def model(state: SupportState) -> dict[str, Any]:
        system = SystemMessage(f"{INSTRUCTIONS}\n\nHelp articles:\n{state['articles'] or 'none found'}")
        return {"messages": [chat.invoke([system, *state["messages"]])]}

    graph = StateGraph(SupportState)
    graph.add_node("retrieve", retrieve)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode(tools, handle_tool_errors=True))
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(name="support_agent")


def answer(ticket: str, shop: Shop, endpoint: ModelEndpoint) -> str:
    """Answer one ticket; raises langgraph's GraphRecursionError when the agent goes round in circles."""
    agent = build_agent(shop, endpoint)
    result = agent.invoke({"messages": [("user", ticket)]}, {"recursion_limit": STEPS_MAX})
    return str(result["messages"][-1].content)
