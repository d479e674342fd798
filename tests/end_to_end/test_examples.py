"""The example agents, on their real frameworks with the scripted model, against a real sidecar."""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar_process import environment, sidecar_process

EXAMPLES = Path(__file__).parents[2] / "examples"
FRAMEWORKS = ("langgraph", "autogen")


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data")) as running:
        yield running


def run_example(sidecar, framework, ticket):
    return subprocess.run(
        [sys.executable, EXAMPLES / f"{framework}_support_agent.py", ticket],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=environment() | {"WHICHSTEP_ENDPOINT": sidecar.http},
    )


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_ticket_that_goes_well_is_one_successful_execution(sidecar, framework):
    done = run_example(sidecar, framework, "refund")
    assert done.returncode == 0, done.stderr
    execution_id = done.stdout.split()[-1]
    document = shown(sidecar, execution_id)
    assert document["success"] is True
    assert document["task_type"] == "refund_request"
    assert document["purpose"] == "production"
    assert document["failing_step"] is None
    tools = [step["name"] for step in document["steps"] if step["type"] == "tool_call"]
    assert [name for name in tools if name != "search_help"] == ["lookup_order", "issue_refund", "send_external_email"]
    assert "retrieval" in {step["type"] for step in document["steps"]}
    assert document["input_tokens"] > 1000


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_tool_that_fails_is_the_failing_step(sidecar, framework):
    done = run_example(sidecar, framework, "gateway_down")
    assert done.returncode == 0, done.stderr
    document = shown(sidecar, done.stdout.split()[-1])
    assert document["success"] is False
    assert document["failing_step"]["name"] == "issue_refund"
    assert document["failure_kind"] == "tool_error"


def shown(sidecar, execution_id):
    def ended():
        done = sidecar.run("executions", "show", execution_id, "--format", "json", check=False)
        if done.returncode:
            return None
        import json

        document = json.loads(done.stdout)
        return document if document["status"] in ("ok", "error") and document["success"] is not None else None

    return sidecar.wait_for(ended)
