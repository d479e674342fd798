"""What the README promises a newcomer: its lines, run as they stand, against a real sidecar."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from sidecar_process import environment, sidecar_process

README = Path(__file__).parents[2] / "README.md"
AN_APP = """
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

model = GenericFakeChatModel(messages=iter([AIMessage("On Friday.")]))
graph = StateGraph(MessagesState)
graph.add_node("answer", lambda state: {"messages": [model.invoke(state["messages"])]})
graph.add_edge(START, "answer")
graph.add_edge("answer", END)
app = graph.compile()
"""


def test_the_line_that_runs_an_agent_of_your_own_shows_its_execution(tmp_path):
    """The README's `agent.py` is any program: this one asks the app that the lines in code ask."""
    (line,) = re.findall(r"^whichstep run .*$", README.read_text("utf-8"), re.MULTILINE)
    (tmp_path / "agent.py").write_text(AN_APP + 'app.invoke({"messages": [("user", "Where is order A-17?")]})')
    command = shlex.split(line)
    assert (command[0], command[-2:]) == ("whichstep", ["python", "agent.py"])
    with sidecar_process(tmp_path / "data") as sidecar:
        done = subprocess.run(
            [sys.executable, "-m", "whichstep_cli", *command[1:-2], sys.executable, "agent.py"],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            cwd=tmp_path,
            env=environment() | {"WHICHSTEP_ENDPOINT": sidecar.http, "WHICHSTEP_SPOOL_DIR": str(tmp_path / "spool")},
        )
        assert done.returncode == 0, done.stderr
        (execution,) = sidecar.wait_for_executions(1)["executions"]
    assert (execution["service"], execution["release"]) == ("support-agent", "2026.11.3")
    assert (execution["status"], execution["output"]) == ("ok", "On Friday.")


def test_the_lines_in_code_for_an_app_of_your_own_show_its_execution(tmp_path):
    (lines,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    with sidecar_process(tmp_path / "data") as sidecar:
        done = subprocess.run(
            [sys.executable, "-c", AN_APP + lines],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env=environment() | {"WHICHSTEP_ENDPOINT": sidecar.http, "WHICHSTEP_SPOOL_DIR": str(tmp_path / "spool")},
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", "nothing to say where all is well"
        (execution,) = sidecar.wait_for_executions(1)["executions"]
        steps = sidecar.json("executions", "show", execution["execution_id"])["steps"]
    assert (execution["service"], execution["release"]) == ("support-agent", "2026.11.3")
    assert (execution["status"], execution["purpose"]) == ("ok", "production")
    assert (execution["input"], execution["output"]) == ("Where is order A-17?", "On Friday.")
    assert [(step["type"], step["name"]) for step in steps] == [
        ("workflow", "LangGraph"),
        ("other", "answer"),
        ("llm_call", "GenericFakeChatModel"),
    ]
