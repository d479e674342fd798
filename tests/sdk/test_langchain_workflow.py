"""LangGraph inside `workflow.run()`: its nodes, tools and model calls are held to the contract before they run."""

import asyncio
from operator import add
from typing import Annotated, TypedDict

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

import whichstep
from whichstep.workflow import Workflow

ROUTE = {
    "name": "route",
    "level": 2,
    "start": "sort",
    "steps": {"sort": {"next": ["low", "high"]}, "low": {"next": "end"}, "high": {"next": "end"}},
}


class State(TypedDict):
    risk: str
    done: Annotated[list[str], add]


def routed(extra=None, **nodes):
    """A graph that sorts and goes on to a low or a high node, and maybe to one more."""
    graph = StateGraph(State)
    for name in ("sort", "low", "high"):
        graph.add_node(name, nodes.get(name, lambda state, name=name: {"done": [name]}))
    graph.add_edge(START, "sort")
    graph.add_conditional_edges("sort", lambda state: state["risk"], ["low", "high"])
    for name in ("low", "high"):
        graph.add_edge(name, extra or END)
    if extra:
        graph.add_node(extra, lambda state: {"done": [extra]})
        graph.add_edge(extra, END)
    return graph.compile(checkpointer=InMemorySaver())


def config(number=1):
    return {"configurable": {"thread_id": str(number)}}


def test_a_graph_keeps_to_the_contract_that_was_made_of_it():
    graph = routed()
    with Workflow.from_langgraph(graph, name="route").run() as run:
        assert graph.invoke({"risk": "high", "done": []}, config())["done"] == ["sort", "high"]
    assert run.violations == []


def test_a_node_that_the_contract_does_not_have_does_not_run_and_the_attempt_is_recorded(whichstep_spans):
    graph = routed(extra="audit")
    with pytest.raises(whichstep.WorkflowViolation, match="audit") as raised, Workflow.from_dict(ROUTE).run():
        graph.invoke({"risk": "low", "done": []}, config())
    assert (raised.value.step, raised.value.state) == ("audit", "low")
    assert graph.get_state(config()).values["done"] == ["sort", "low"]
    assert whichstep_spans.one("audit")["attributes"]["whichstep.workflow.violation"] == raised.value.rule


def test_nodes_are_held_in_coroutines_and_streams_too():
    graph = routed(extra="audit")

    async def play():
        async for _ in graph.astream({"risk": "low", "done": []}, config()):
            pass

    with pytest.raises(whichstep.WorkflowViolation, match="audit"), Workflow.from_dict(ROUTE).run():
        asyncio.run(play())
    with pytest.raises(whichstep.WorkflowViolation, match="audit"), Workflow.from_dict(ROUTE).run():
        list(graph.stream({"risk": "high", "done": []}, config(2)))


def test_an_observed_graph_runs_and_says_what_it_broke():
    graph = routed(extra="audit")
    with Workflow.from_dict(ROUTE).run(observe=True) as run:
        assert graph.invoke({"risk": "low", "done": []}, config())["done"] == ["sort", "low", "audit"]
    assert [violation.step for violation in run.violations] == ["audit"]


def test_a_node_whose_code_is_a_step_of_ours_counts_once():
    @whichstep.step
    def sort(state):
        return {"done": ["sort"]}

    graph = routed(sort=sort)
    once = {**ROUTE, "rules": [{"rule": "count", "first": "sort", "max": 1}]}
    with Workflow.from_dict(once).run() as run:
        graph.invoke({"risk": "low", "done": []}, config())
    assert run.violations == []


def test_outside_of_a_run_nothing_is_held():
    assert routed(extra="audit").invoke({"risk": "low", "done": []}, config())["done"] == ["sort", "low", "audit"]


def test_a_node_that_waits_for_a_person_may_begin_anew():
    def high(state):
        return {"done": [interrupt("may I?")]}

    graph = routed(high=high)
    with Workflow.from_dict(ROUTE).run() as run:
        graph.invoke({"risk": "high", "done": []}, config())
        assert graph.invoke(Command(resume="yes"), config())["done"] == ["sort", "yes"]
    assert run.violations == []


SEEN = []


@tool
def lookup(order: str) -> str:
    """Look an order up."""
    SEEN.append(("lookup", order))
    return "sent"


@tool
def refund(order: str) -> str:
    """Refund an order."""
    SEEN.append(("refund", order))
    return "done"


def agent(*asked, tools=(lookup, refund), tokens=10):
    """An agent of a model node and a tool node; the model asks for these tools, one after the other."""
    usage = {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}
    calls = [
        AIMessage("", tool_calls=[{"name": name, "args": {"order": "A-1"}, "id": f"c{number}"}], usage_metadata=usage)
        for number, name in enumerate(asked)
    ]
    model = GenericFakeChatModel(messages=iter([*calls, AIMessage("Done.", usage_metadata=usage)]))
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode(list(tools), handle_tool_errors=False))
    graph.add_edge(START, "model")
    graph.add_conditional_edges(
        "model", lambda state: "tools" if state["messages"][-1].tool_calls else END, ["tools", END]
    )
    graph.add_edge("tools", "model")
    return graph.compile()


def looped(**more):
    steps = {"model": {"next": ["tools", "end"]}, "tools": {"next": "model", "tools": ["lookup"]}}
    return Workflow.from_dict(
        {"name": "agent", "level": 3, "start": "model", "steps": steps, "budgets": {"loops": 5}} | more
    )


def ask(graph):
    return graph.invoke({"messages": [("user", "where is A-1?")]})["messages"][-1].content


def test_a_tool_that_its_node_may_not_call_does_not_run():
    SEEN.clear()
    with looped().run() as run:
        assert ask(agent("lookup", "lookup")) == "Done."
    assert run.violations == []
    with pytest.raises(whichstep.WorkflowViolation, match="refund"), looped().run():
        ask(agent("lookup", "refund"))
    assert [name for name, _ in SEEN] == ["lookup"] * 3


def test_a_held_tool_counts_once_and_is_asked_for_by_the_same_name():
    SEEN.clear()
    policy = whichstep.Policy.from_dict({"lookup": "auto"})
    once = looped(rules=[{"rule": "count", "first": "lookup", "max": 1}])
    with once.run() as run:
        assert ask(agent("lookup", tools=policy.guard([lookup]))) == "Done."
    assert run.violations == []
    with pytest.raises(whichstep.WorkflowViolation, match="lookup"), once.run():
        ask(agent("lookup", "lookup", tools=policy.guard([lookup])))
    assert len(SEEN) == 2


def test_the_tokens_of_its_model_calls_use_up_the_budget():
    with pytest.raises(whichstep.WorkflowViolation) as raised, looped(budgets={"tokens": 100, "loops": 5}).run():
        ask(agent("lookup", "lookup", "lookup", tokens=60))
    assert raised.value.rule == "budgets.tokens"
