"""A LangGraph agent that `whichstep.instrument()` records, with tools that a policy holds, as a process."""

import json
import sys

import whichstep

ran = []


def send_email(to: str) -> str:
    """Send a message."""
    ran.append(["send_email", to])
    return f"sent to {to}"


def issue_refund(to: str) -> str:
    """Pay money back."""
    ran.append(["issue_refund", to])
    raise ValueError("no such order")


def delete_all(to: str) -> str:
    """Delete data for good."""
    ran.append(["delete_all", to])
    return "deleted"


def graph_of(tools, call):
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    model = GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("done")]))
    graph = StateGraph(MessagesState)
    graph.add_node("act", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode(tools, handle_tool_errors=True))
    graph.add_edge(START, "act")
    graph.add_conditional_edges("act", tools_condition)
    graph.add_edge("tools", "act")
    return graph.compile(name="assistant", checkpointer=InMemorySaver())


def play(case):
    """One task: what becomes of a call is in its name, and whether the graph stops for it or the call waits."""
    from langchain_core.tools import StructuredTool

    from whichstep.integrations.langgraph import resume

    tools = whichstep.Policy.from_dict({}, default="auto").guard(
        [StructuredTool.from_function(each) for each in (send_email, issue_refund, delete_all)],
        on_approval=case["mode"],
        expires_in=1.5 if case["name"] == "expired" else "4h",
    )
    to = f"{case['name']}@example.net"
    graph = graph_of(tools, {"name": case["tool"], "args": {"to": to}, "id": f"call-{to}", "type": "tool_call"})
    config = {"configurable": {"thread_id": f"{case['mode']} {case['name']}"}}
    with whichstep.task("mail") as execution:
        graph.invoke({"messages": [("user", f"Write to {to}.")]}, config)
        execution.output(resume(graph, config)["messages"][-1].content)
    return execution.execution_id


if __name__ == "__main__":
    whichstep.configure(service="assistant")
    whichstep.instrument("langchain")
    ids = [play(case) for case in json.loads(sys.argv[1])]
    whichstep.flush()
    sys.stdout.write(json.dumps({"ids": ids, "ran": ran}))
