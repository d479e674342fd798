import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import whichstep
from whichstep import frameworks as table
from whichstep.agent_scopes import has_agent_attributes, is_agent_scope


def test_every_framework_of_the_table_is_complete():
    for framework in table.FRAMEWORKS:
        assert framework.instrumentors, framework.name
        for module, cls, distribution in framework.instrumentors:
            assert cls.endswith("Instrumentor")
            assert distribution.split("-")[0] in {"openinference", "opentelemetry"}
            assert is_agent_scope(module) is True, f"{module} would not be recognised as an agent's"


def test_what_covers_what_names_frameworks_of_the_table():
    known = {framework.name for framework in table.FRAMEWORKS}
    assert {client for framework in table.FRAMEWORKS for client, _ in framework.records_calls_of} <= known


def test_scopes_of_web_servers_and_databases_are_no_agents():
    for scope in ("opentelemetry.instrumentation.fastapi", "opentelemetry.instrumentation.httpx", "my.app"):
        assert not is_agent_scope(scope)
    assert not has_agent_attributes({"http.method": "GET", "whichstep.execution.id": "x"})
    assert has_agent_attributes({"gen_ai.operation.name": "chat"})


def test_an_unknown_name_is_said_and_finds_nothing(caplog):
    caplog.set_level(logging.WARNING)
    assert whichstep.instrument("nonsense", set_global=False) == []
    assert "nonsense" in caplog.text


PROGRAM = """
import json, operator
from typing import Annotated, TypedDict
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
import whichstep
from whichstep.testing import capture

found = [(entry.framework, entry.status, entry.detail) for entry in whichstep.instrument()]
again = [(entry.framework, entry.status) for entry in whichstep.instrument()]

class State(TypedDict):
    messages: Annotated[list, operator.add]

@tool
def lookup_order(order: str) -> str:
    "Find an order."
    return "shipped"

def agent(state):
    return {"messages": [GenericFakeChatModel(messages=iter([AIMessage("done")])).invoke(state["messages"])]}

def tools(state):
    with whichstep.step("ours"):
        return {"messages": [("user", lookup_order.invoke({"order": "A-17"}))]}

graph = StateGraph(State)
graph.add_node("agent", agent); graph.add_node("tools", tools)
graph.add_edge(START, "tools"); graph.add_edge("tools", "agent"); graph.add_edge("agent", END)
app = graph.compile()
with capture() as captured:
    with whichstep.task("refund_request") as execution:
        app.invoke({"messages": [("user", "where?")]})
    print(json.dumps({"found": found, "again": again, "id": execution.execution_id, "spans": captured.spans}))
"""


@pytest.fixture(scope="module")
def langgraph():
    pytest.importorskip("langgraph")
    pytest.importorskip("openinference.instrumentation.langchain")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONPATH": str(root / "sdk"), "WHICHSTEP_SPOOL_DIR": "off"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_installed_framework_is_turned_on_once(langgraph):
    assert ["langchain", "on", ""] in langgraph["found"]
    assert ["langchain", "already on"] in langgraph["again"]


def test_a_model_client_that_a_framework_records_is_left_alone(langgraph):
    status = {name: (status, detail) for name, status, detail in langgraph["found"]}
    assert status["openai"][0] == "covered"
    assert "langchain" in status["openai"][1]


def test_spans_of_the_framework_are_part_of_our_execution(langgraph):
    spans = langgraph["spans"]
    assert {span["execution_id"] for span in spans} == {langgraph["id"]}
    kinds = {span["attributes"].get("openinference.span.kind") for span in spans}
    assert {"LLM", "TOOL", "CHAIN", None} <= kinds
    tool = next(span for span in spans if span["attributes"].get("openinference.span.kind") == "TOOL")
    assert tool["step"] == "lookup_order" or tool["name"] == "lookup_order"


def test_a_framework_without_an_instrumentor_says_what_to_install(monkeypatch, caplog):
    monkeypatch.setattr(
        table, "FRAMEWORKS", (table.Framework("json", "json", (("none.such", "X", "the-missing-one"),)),)
    )
    (found,) = whichstep.instrument(set_global=False)
    assert (found.status, found.detail) == ("missing", "pip install the-missing-one")
    assert "turned nothing on; for json: pip install the-missing-one" in caplog.text


def test_an_instrumentor_that_fails_does_not_reach_the_host(monkeypatch, caplog):
    monkeypatch.setattr(table, "FRAMEWORKS", (table.Framework("json", "json", (("json", "NoSuch", "x"),)),))
    (found,) = whichstep.instrument(set_global=False)
    assert found.status == "failed"
    assert "json" in caplog.text
