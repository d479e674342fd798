"""A workflow under a contract, from the agent's process to the public views: the SDK, the wire, the sidecar, the jobs."""

from __future__ import annotations

import contextlib
import json

import pytest

import whichstep
from sidecar_process import sidecar_process
from whichstep import Workflow, WorkflowViolation

CONTRACT = {
    "name": "refund",
    "level": 3,
    "steps": {
        "classify": {"next": ["lookup", "answer"]},
        "lookup": {"next": ["refund", "answer"], "tools": ["find_*"]},
        "refund": {"next": "answer"},
        "answer": {"next": "end"},
    },
    "checkpoints": [{"before": "refund"}],
}
CONFIGURED = 'name = "line"\nlevel = 2\n[steps.one]\nnext = "two"\n[steps.two]\n'


@whichstep.step("classify")
def classify():
    return "high"


@whichstep.tool
def find_order():
    return "A-1"


@whichstep.step("lookup")
def lookup():
    return find_order()


@whichstep.tool
def refund():
    return "paid"


@whichstep.observe(kind="approval", name="review")
def review(*, grant):
    if not grant:
        raise PermissionError


@whichstep.step("answer")
def answer():
    return "done"


def good(run):
    classify()
    lookup()
    review(grant=True)
    refund()
    answer()


def unreviewed(run):
    classify()
    lookup()
    with contextlib.suppress(PermissionError):
        review(grant=False)
    refund()
    answer()


def short_cut(run):
    classify()
    with contextlib.suppress(WorkflowViolation):
        refund()
    answer()


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contracts")
    (folder / "line.toml").write_text(CONFIGURED)
    with sidecar_process(tmp_path_factory.mktemp("data"), "--contracts", folder) as process:
        yield process


def play(sidecar, monkeypatch, *scenarios, observe=False):
    """The executions by id, once the sidecar has judged them."""
    monkeypatch.setenv("WHICHSTEP_SPOOL_DIR", "off")
    whichstep.configure(endpoint=sidecar.http)
    ids = []
    for scenario in scenarios:
        with contextlib.suppress(WorkflowViolation), Workflow.from_dict(CONTRACT).run(observe=observe) as run:
            ids.append(run.execution.execution_id)
            scenario(run)
    whichstep.flush()

    def judged():
        rows = sidecar.sql("select * from conformance").to_dicts()
        found = {row["execution_id"]: row for row in rows if row["conformant"] is not None}
        return found if set(ids) <= set(found) else None

    return ids, sidecar.wait_for(judged)


def test_the_check_afterwards_says_what_the_live_check_said(sidecar, monkeypatch):
    ids, found = play(sidecar, monkeypatch, good, unreviewed, short_cut)
    fine, stopped, cut = (found[name] for name in ids)
    assert (fine["conformant"], fine["source"], fine["level"], fine["workflow"]) == (True, "carried", 3, "refund")
    assert [(move["move"], move["step"]) for move in json.loads(stopped["deviations"])] == [("log", "refund")]
    assert json.loads(stopped["deviations"])[0]["rule"] == "checkpoint(approval, refund)"
    assert [(move["move"], move["step"]) for move in json.loads(cut["deviations"])] == [("log", "refund")]
    steps = sidecar.sql(f"select name, status, position from steps where execution_id = '{ids[2]}' order by position")
    assert steps.rows() == [("refund", "ok", 1), ("classify", "ok", 2), ("refund", "blocked", 3), ("answer", "ok", 4)]
    assert json.loads(cut["deviations"])[0]["position"] == 3


def test_what_was_only_observed_is_found_afterwards(sidecar, monkeypatch):
    (execution_id,), found = play(sidecar, monkeypatch, short_cut, observe=True)
    deviations = json.loads(found[execution_id]["deviations"])
    assert {(move["move"], move["step"], move["rule"]) for move in deviations} == {
        ("log", "refund", "transition"),
        ("rule", "refund", "checkpoint(approval, refund)"),
    }


def test_executions_that_carry_no_contract_are_held_to_the_configured_one(sidecar, monkeypatch):
    monkeypatch.setenv("WHICHSTEP_SPOOL_DIR", "off")
    whichstep.configure(endpoint=sidecar.http)
    with whichstep.task("line") as task, whichstep.step("two"):
        pass
    whichstep.flush()
    query = f"select * from conformance where execution_id = '{task.execution_id}' and complete"
    (row,) = sidecar.wait_for(lambda: sidecar.sql(query).to_dicts())
    assert (row["source"], row["conformant"]) == ("configured", False)
    assert [move["step"] for move in json.loads(row["deviations"])] == ["one"]
    metrics = sidecar.get("/api/v1/metrics", task_type="line")["groups"][0]["metrics"]["contract_violation_rate"]
    assert (metrics["value"], metrics["denominator"]) == (1.0, 1.0)


def test_a_folder_of_contracts_with_a_mistake_stops_the_start(tmp_path):
    from sidecar_process import whichstep as command

    (tmp_path / "wrong.toml").write_text(CONFIGURED + "nxt = 1\n")
    done = command("up", "--data-dir", tmp_path / "data", "--http-port", "0", "--grpc-port", "0", "--no-dashboard", "--contracts", tmp_path, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "wrong.toml, line 6: unknown key 'nxt'" in done.stderr
