"""Actions inside LangGraph: the graph stops, goes on by the decision alone, and runs what was decided once."""

import asyncio

import pytest
from approval_desk import Desk
from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

import whichstep
from whichstep.approval import connection, state
from whichstep.integrations.langgraph import resume
from whichstep.policy import Policy
from whichstep.testing import capture

CONFIG = {"configurable": {"thread_id": "t-1"}}


@pytest.fixture
def desk():
    running = Desk()
    with capture(traces_url=running.endpoint + "/v1/traces", service="support"):
        yield running
    running.stop()
    state.forget_policy()
    connection._connection = None


def mail_tools(ran, **options):
    """Two held tools and a free one."""

    def named(name):
        def send(to: str) -> str:
            """Send."""
            ran.append((name, to))
            return f"{name} {to}"

        return StructuredTool.from_function(send, name=name, description="Send.")

    policy = Policy.from_dict({"search": "auto", "send_email": "approve", "send_letter": "approve", "delete": "block"})
    names = ("search", "send_email", "send_letter", "delete")
    return policy.guard([named(name) for name in names], **{"on_approval": "suspend", **options})


def graph_of(tools):
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "tools")
    return graph.compile(checkpointer=InMemorySaver())


def asking(*names):
    calls = [{"name": name, "args": {"to": "a"}, "id": f"call-{name}", "type": "tool_call"} for name in names]
    return {"messages": [AIMessage("", tool_calls=calls)]}


def test_a_program_that_resumes_by_itself_lets_nothing_in(desk):
    ran = []
    graph = graph_of(mail_tools(ran))
    graph.invoke(asking("send_email"), CONFIG)
    for answer in (True, "yes", {"decisions": [{"type": "approve"}], "state": "approved"}):
        assert graph.invoke(Command(resume=answer), CONFIG)["__interrupt__"]
    assert ran == []
    assert len(desk.requests) == 1
    desk.when_asked("approve")
    assert resume(graph, CONFIG)["messages"][-1].content == "send_email a"
    assert ran == [("send_email", "a")]


def test_tools_of_one_node_run_once_each_though_it_stops_again_between_them(desk):
    ran = []
    graph = graph_of(mail_tools(ran))
    graph.invoke(asking("send_email", "send_letter", "search"), CONFIG)
    email, letter = sorted(desk.pending(2), key=lambda item: item["action"])
    desk.decide(email["approval_id"], "approve")
    assert graph.invoke(Command(resume="on"), CONFIG)["__interrupt__"]
    assert [each for each in ran if each[0] != "search"] == [("send_email", "a")]
    desk.decide(letter["approval_id"], "edit", edited={"to": "b"})
    told = [message.content for message in resume(graph, CONFIG)["messages"][1:]]
    assert told == ["send_email a", "send_letter b", "search a"]
    assert [each for each in ran if each[0] != "search"] == [("send_email", "a"), ("send_letter", "b")]


@pytest.mark.parametrize(
    ("decision", "words"),
    [("reject", "was rejected by ann: not now"), ("expire", "nobody decided on send_email in time")],
)
def test_a_refusal_is_told_to_the_model_as_an_error(desk, decision, words):
    ran = []
    graph = graph_of(mail_tools(ran))
    graph.invoke(asking("send_email"), CONFIG)
    desk.when_asked(decision, notes="not now")
    message = resume(graph, CONFIG)["messages"][-1]
    assert (words in message.content, message.status, ran) == (True, "error", [])


def test_a_blocked_tool_neither_stops_nor_runs(desk):
    ran = []
    message = graph_of(mail_tools(ran)).invoke(asking("delete"), CONFIG)["messages"][-1]
    assert ("is blocked by the policy" in message.content, message.status, ran) == (True, "error", [])
    assert desk.requests == {}


def test_a_tool_that_waits_waits_inside_its_call(desk):
    ran = []
    desk.when_asked("edit", edited={"to": "b"})
    state = graph_of(mail_tools(ran, on_approval="wait")).invoke(asking("send_email"), CONFIG)
    assert (state["messages"][-1].content, ran) == ("send_email b", [("send_email", "b")])


async def test_the_tools_of_async_graphs_are_held_alike(desk):
    ran = []
    graph = graph_of(mail_tools(ran))
    await graph.ainvoke(asking("send_email"), CONFIG)
    desk.when_asked("approve")
    from whichstep.integrations.langgraph import aresume

    assert (await aresume(graph, CONFIG))["messages"][-1].content == "send_email a"
    assert ran == [("send_email", "a")]


async def test_an_async_tool_that_is_at_work_when_its_node_stops_runs_once_and_is_not_lost(desk):
    from whichstep.integrations.langgraph import aresume

    ran = []

    async def send_email(to: str) -> str:
        """Send."""
        ran.append("begun")
        await asyncio.sleep(0.1)
        ran.append("done")
        return f"sent {to}"

    async def send_letter(to: str) -> str:
        """Send."""
        return f"posted {to}"

    policy = Policy.from_dict({"send_email": "approve", "send_letter": "approve"})
    tools = [StructuredTool.from_function(coroutine=each) for each in (send_email, send_letter)]
    graph = graph_of(policy.guard(tools, on_approval="suspend"))
    await graph.ainvoke(asking("send_letter", "send_email"), CONFIG)
    email, letter = sorted(desk.pending(2), key=lambda item: item["action"])
    desk.decide(email["approval_id"], "approve")
    assert (await graph.ainvoke(Command(resume="on"), CONFIG))["__interrupt__"]
    desk.decide(letter["approval_id"], "approve")
    told = [message.content for message in (await aresume(graph, CONFIG))["messages"][1:]]
    assert (told, ran) == (["posted a", "sent a"], ["begun", "done"])


def test_an_action_inside_a_node_stops_the_graph(desk):
    ran = []

    @whichstep.action("send_email", on_approval="suspend")
    def send(to: str) -> str:
        ran.append(to)
        return "sent"

    def node(given):
        return {"messages": [("assistant", send("a"))]}

    graph = StateGraph(MessagesState)
    graph.add_node("act", node)
    graph.add_edge(START, "act")
    graph = graph.compile(checkpointer=InMemorySaver())
    desk.policy = Policy.from_dict({"send_email": "approve"})
    with whichstep.task("mail"):
        asked = graph.invoke({"messages": []}, CONFIG)["__interrupt__"][0].value
    assert (asked["action"], asked["arguments"], ran) == ("send_email", {"to": "a"}, [])
    desk.when_asked("approve")
    assert resume(graph, CONFIG)["messages"][-1].content == "sent"
    assert ran == ["a"]


def test_the_state_is_returned_where_nothing_is_waited_for(desk):
    graph = graph_of(mail_tools([]))
    graph.invoke(asking("search"), CONFIG)
    assert resume(graph, CONFIG)["messages"][-1].content == "search a"
    other = {"configurable": {"thread_id": "t-2"}}
    graph.invoke(asking("send_email"), other)
    with pytest.raises(whichstep.ApprovalPending):
        resume(graph, other, timeout=0.1)
