"""The example agents, on their real frameworks with the scripted model, against a real sidecar."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar_process import environment, sidecar_process

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data")) as running:
        running.spool = tmp_path_factory.mktemp("spool")
        yield running


def run_example(sidecar, framework, ticket):
    """The id of the execution that the script says it made."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{framework}_support_agent.py", ticket],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=environment() | {"WHICHSTEP_ENDPOINT": sidecar.http, "WHICHSTEP_SPOOL_DIR": str(sidecar.spool)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_a_langgraph_ticket_that_goes_well_is_one_successful_execution(sidecar):
    document = shown(sidecar, run_example(sidecar, "langgraph", "refund"))
    assert document["success"] is True
    assert document["task_type"] == "refund_request"
    assert document["purpose"] == "production"
    assert document["failing_step"] is None
    tools = [step["name"] for step in document["steps"] if step["type"] == "tool_call"]
    assert tools == ["lookup_order", "issue_refund", "send_external_email"]
    assert "retrieval" in {step["type"] for step in document["steps"]}
    assert document["input_tokens"] > 1000


def test_an_autogen_tool_that_fails_is_the_failing_step(sidecar):
    document = shown(sidecar, run_example(sidecar, "autogen", "gateway_down"))
    assert document["success"] is False
    assert document["failing_step"]["name"] == "issue_refund"
    assert document["failure_kind"] == "tool_error"
    assert "retrieval" in {step["type"] for step in document["steps"]}
    tools = [step["name"] for step in document["steps"] if step["type"] == "tool_call"]
    assert tools == ["search_help", "lookup_order", "issue_refund"], "two instrumentations, one step a call"
    calls = [step for step in document["steps"] if step["type"] == "llm_call"]
    assert len(calls) == 4, "search, look up, refund, give up: each model call once"
    assert all(call["input_tokens"] for call in calls)


def shown(sidecar, execution_id):
    """The execution, once it has ended and its outcome is known."""

    def ended():
        done = sidecar.run("executions", "show", execution_id, "--format", "json", check=False)
        document = json.loads(done.stdout) if not done.returncode else {"success": None}
        return document if document["success"] is not None else None

    return sidecar.wait_for(ended)
