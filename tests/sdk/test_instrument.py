import importlib
import json
import logging
import os
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

import whichstep
from whichstep import frameworks as table
from whichstep import imports
from whichstep.agent_scopes import has_agent_attributes, is_agent_scope

instrument_module = importlib.import_module("whichstep.instrument")  # the name in the package is the function


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
import langchain_openai
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


def test_a_framework_without_an_instrumentor_says_which_extra_to_install(monkeypatch, caplog):
    only(monkeypatch, table.Framework("json", "json", (table.Instrumentor("none.such", "X", "the-missing-one"),)))
    (found,) = whichstep.instrument(set_global=False)
    assert (found.status, found.detail) == ("missing", "pip install 'whichstep[json]'")
    assert "turned nothing on; for json: pip install 'whichstep[json]'" in caplog.text


def test_a_framework_whose_version_does_not_trace_itself_says_to_upgrade_it(monkeypatch):
    only(monkeypatch, table.Framework("json", "json", (table.Native("json.telemetry"),)))
    (found,) = whichstep.instrument(set_global=False)
    assert found.status == "missing"
    assert "upgrade json" in found.detail


def test_an_instrumentor_that_fails_does_not_reach_the_host(monkeypatch, caplog):
    only(monkeypatch, table.Framework("json", "json", (table.Instrumentor("json", "NoSuch", "x"),)))
    (found,) = whichstep.instrument(set_global=False)
    assert found.status == "failed"
    assert "json" in caplog.text


class Recorder:
    """Stands for an instrumentation: the table finds it by module and class."""

    is_instrumented_by_opentelemetry = False
    log: list[str] = []  # noqa: RUF012  shared by all on purpose

    def instrument(self, **options):
        if "conflict" in type(self).__name__:
            raise RuntimeError("needs another version")
        type(self).is_instrumented_by_opentelemetry = True
        self.log.append(f"+{type(self).__name__}")

    def uninstrument(self):
        type(self).is_instrumented_by_opentelemetry = False
        self.log.append(f"-{type(self).__name__}")


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """Packages to import, and a table over them: an agent framework, a client, and the framework's door to it."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("shelf_agents", "shelf_client", "shelf_door"):
        (tmp_path / f"{name}.py").write_text("import shelf_client\n" if name == "shelf_door" else "")
    recorders = types.ModuleType("shelf_recorders")
    for name in ("Agents", "Client", "Second", "conflict"):
        setattr(recorders, name, type(name, (Recorder,), {}))
    monkeypatch.setitem(sys.modules, "shelf_recorders", recorders)
    monkeypatch.setattr(Recorder, "log", [])
    for name in ("shelf_agents", "shelf_client", "shelf_door"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        imports._watch.done.discard(name)
    only(monkeypatch, *framework_and_client("Agents"))
    yield recorders
    for name in ("shelf_agents", "shelf_client", "shelf_door"):
        imports._watch.callbacks.pop(name, None)
        sys.modules.pop(name, None)


def framework_and_client(cls):
    return (
        table.Framework(
            "agents", "shelf_agents", (table.Instrumentor("shelf_recorders", cls, "agents-by-one"),
            table.Instrumentor("shelf_recorders", "Second", "agents-by-two")), (("client", "shelf_door"),)
        ),
        table.Framework("client", "shelf_client", (table.Instrumentor("shelf_recorders", "Client", "client-by-one"),)),
    )  # fmt: skip


def only(monkeypatch, *frameworks):
    monkeypatch.setattr(table, "FRAMEWORKS", frameworks)
    monkeypatch.setattr(instrument_module, "_switchboard", instrument_module.Switchboard())


def statuses(*names):
    return {entry.framework: entry.status for entry in whichstep.instrument(*names, set_global=False)}


def test_a_framework_is_turned_on_when_the_program_imports_it_and_not_before(shelf):
    assert statuses() == {"agents": "waiting", "client": "waiting"}
    assert "shelf_agents" not in sys.modules
    assert Recorder.log == []
    importlib.import_module("shelf_agents")
    assert Recorder.log == ["+Agents"], "the first of its two ways, and no other"
    assert statuses() == {"agents": "already on", "client": "waiting"}


def test_a_client_that_the_program_calls_itself_is_turned_on(shelf):
    statuses()
    importlib.import_module("shelf_client")
    assert Recorder.log == ["+Client"]


def test_a_client_is_never_recorded_beside_the_framework_that_calls_it(shelf):
    """Whichever is imported first: what matters is who makes the calls."""
    statuses()
    importlib.import_module("shelf_agents")
    importlib.import_module("shelf_door")  # imports the client itself
    assert Recorder.log == ["+Agents"]
    assert statuses()["client"] == "covered"


def test_a_client_that_was_on_is_turned_off_when_a_framework_begins_to_call_it(shelf):
    statuses()
    importlib.import_module("shelf_client")
    importlib.import_module("shelf_agents")
    importlib.import_module("shelf_door")
    assert Recorder.log == ["+Client", "+Agents", "-Client"]


def test_a_client_asked_for_by_name_stays_on(shelf):
    statuses("agents", "client")
    importlib.import_module("shelf_agents")
    importlib.import_module("shelf_door")
    assert Recorder.log == ["+Agents", "+Client"]


def test_a_framework_that_cannot_be_recorded_leaves_its_client_recorded(shelf, monkeypatch, caplog):
    only(monkeypatch, *framework_and_client("conflict"))
    statuses()
    importlib.import_module("shelf_agents")
    importlib.import_module("shelf_door")
    assert Recorder.log == ["+Client"]
    assert "could not instrument agents: needs another version" in caplog.text


def test_what_the_program_has_turned_on_itself_is_left_as_it_is(shelf):
    shelf.Second.is_instrumented_by_opentelemetry = True
    statuses()
    importlib.import_module("shelf_agents")
    assert Recorder.log == []
    assert statuses()["agents"] == "already on"


def test_switches_are_set_only_where_the_user_has_set_none(monkeypatch):
    native = table.Native("json", (("OTEL_A", "ours"), ("OTEL_B", "ours")), (("OTEL_CONTENT", "on"),))
    only(monkeypatch, table.Framework("json", "json", (native,)))
    for name in ("OTEL_A", "OTEL_CONTENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_B", "theirs")
    assert statuses() == {"json": "on"}
    assert (os.environ["OTEL_A"], os.environ["OTEL_B"], os.environ["OTEL_CONTENT"]) == ("ours", "theirs", "on")


def test_content_is_switched_on_nowhere_where_it_may_not_be_captured(monkeypatch):
    only(monkeypatch, table.Framework("json", "json", (table.Native("json", content=(("OTEL_CONTENT", "on"),)),)))
    monkeypatch.setenv("WHICHSTEP_CAPTURE_CONTENT", "off")
    monkeypatch.setenv("OTEL_CONTENT", "x")  # so that it is put back after the test
    monkeypatch.delenv("OTEL_CONTENT")
    assert statuses() == {"json": "on"}
    assert "OTEL_CONTENT" not in os.environ


def test_importing_from_several_threads_at_once_turns_everything_on_once(shelf):
    statuses()
    threads = [
        threading.Thread(target=importlib.import_module, args=(name,)) for name in ("shelf_agents", "shelf_client") * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(Recorder.log) == ["+Agents", "+Client"]
