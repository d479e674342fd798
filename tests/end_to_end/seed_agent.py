"""The agent of the seed scenario, as a process: LangGraph classifies, routes by risk, acts, and waits where it must."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import whichstep
from whichstep.integrations.langgraph import resume

ran = []


def send_external_email(to: str, subject: str) -> str:
    """Send an e-mail to somebody outside of the company."""
    ran.append(["send_external_email", to, subject])
    return "sent"


def delete_any_data(what: str) -> str:
    """Delete data for good."""
    ran.append(["delete_any_data", what])
    return "deleted"


def asked(chat, messages):
    with whichstep.llm(model="gpt-4o-mini", provider="openai") as call:
        answered = chat.invoke(messages)
        used = answered.usage_metadata
        call.usage(input_tokens=used["input_tokens"], output_tokens=used["output_tokens"])
        call.output(answered.content or [each["name"] for each in answered.tool_calls])
    return answered


def graph_of(model_url, expires_in):
    from langchain_core.messages import SystemMessage
    from langchain_core.tools import StructuredTool
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    class State(MessagesState):
        risk: str

    policy = whichstep.Policy.from_dict({}, default="auto")  # the sidecar's has the last word
    functions = [StructuredTool.from_function(tool) for tool in (send_external_email, delete_any_data)]
    tools = policy.guard(functions, on_approval="suspend", expires_in=expires_in)
    chat = ChatOpenAI(model="gpt-4o-mini", base_url=f"{model_url}/v1", api_key="scripted")
    acting = chat.bind_tools(tools)

    @whichstep.step("classify")
    def classify(state: State) -> dict:
        question = SystemMessage("Is acting on this request of high or low risk? One word.")
        return {"risk": str(asked(chat, [question, *state["messages"]]).content)}

    @whichstep.step("act")
    def act(state: State) -> dict:
        return {"messages": [asked(acting, state["messages"])]}

    @whichstep.step("answer")
    def answer(state: State) -> dict:
        return {"messages": [asked(chat, state["messages"])]}

    graph = StateGraph(State)
    graph.add_node("classify", classify)
    graph.add_node("act", act)
    graph.add_node("answer", answer)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "classify")
    graph.add_conditional_edges(
        "classify", lambda state: "act" if state["risk"] == "high" else "answer", ["act", "answer"]
    )
    graph.add_conditional_edges("act", tools_condition)
    graph.add_edge("tools", "act")
    graph.add_edge("answer", END)
    return graph.compile(name="assistant", checkpointer=InMemorySaver())


def play(case):
    config = {"configurable": {"thread_id": case["name"]}}
    graph = graph_of(case["model_url"], 2.0 if case["name"] == "expired" else "4h")
    with whichstep.task("customer_request", id=case["name"], input=case["name"]) as execution:
        graph.invoke({"messages": [("user", f"Please handle the request {case['name']}.")]}, config)
        state = resume(graph, config)
        execution.output(state["messages"][-1].content)
    return {"id": execution.execution_id, "told": [str(message.content) for message in state["messages"]]}


if __name__ == "__main__":
    cases = json.loads(sys.argv[1])
    whichstep.configure(service="assistant", release="2026.11.3")
    import langgraph.pregel  # noqa: F401  what all of the threads import

    with ThreadPoolExecutor(len(cases)) as pool:
        told = dict(zip([case["name"] for case in cases], pool.map(play, cases), strict=True))
    whichstep.flush()
    sys.stdout.write(json.dumps({"told": told, "ran": ran}))
    sys.stdout.flush()
    os._exit(0)
