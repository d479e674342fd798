"""A workflow under a contract, from the agent's process to the public views: the SDK, the wire, the sidecar, the jobs."""

from __future__ import annotations

import contextlib
import json

import pytest

import whichstep
from sidecar_process import sidecar_process
from sidecar_process import whichstep as command
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


def play(sidecar, monkeypatch, *scenarios, observe=False, name="refund"):
    """The executions by id, once the sidecar has judged them."""
    monkeypatch.setenv("WHICHSTEP_SPOOL_DIR", "off")
    whichstep.configure(endpoint=sidecar.http)
    ids = []
    for scenario in scenarios:
        with (
            contextlib.suppress(WorkflowViolation),
            Workflow.from_dict({**CONTRACT, "name": name}).run(observe=observe) as run,
        ):
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
    shown = sidecar.run("executions", "show", ids[2]).stdout
    assert "breaks the contract of refund (level 3): 1 of 1 deviations" in shown
    assert "step 3: refund may not come after classify [transition]" in shown
    for form in ("md", "html"):
        assert "may not come after classify" in sidecar.run("executions", "show", ids[2], "--format", form).stdout
    assert "keeps to the contract of refund" in sidecar.run("executions", "show", ids[0]).stdout


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
    (tmp_path / "wrong.toml").write_text(CONFIGURED + "nxt = 1\n")
    done = command("up", "--data-dir", tmp_path / "data", "--http-port", "0", "--grpc-port", "0", "--no-dashboard", "--contracts", tmp_path, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "wrong.toml, line 6: unknown key 'nxt'" in done.stderr


@pytest.fixture(scope="module")
def routed(sidecar):
    """Executions of a routed workflow without a contract: thirty good ones, and two that took another way."""
    whichstep.configure(endpoint=sidecar.http)
    for number in range(32):
        with whichstep.task("route", id=f"T-{number}"):
            with whichstep.step("sort"):
                pass
            with whichstep.step("left" if number % 2 else "right"):
                pass
            if number >= 30:
                with whichstep.tool("odd"):
                    pass
            whichstep.outcome(success=number < 30)
    whichstep.flush()
    sidecar.wait_for(lambda: sidecar.get("/api/v1/executions", task_type="route", status="ok")["total"] == 32)
    return sidecar


def test_a_contract_is_learned_from_good_executions_and_the_others_break_it(routed, tmp_path):
    file = tmp_path / "route.toml"
    assert "30 of 30 executions keep to it" in routed.run("workflow", "learn", "route", "--out", file).stderr
    shown = command("workflow", "show", file).stdout
    assert "sort → left, right" in shown or "sort → right, left" in shown
    checked = routed.run("workflow", "check", file, check=False)
    assert checked.returncode == 1
    assert checked.stdout.startswith("route: 30 of 32 (93.8%, at least 79.9%) executions keep to the contract")
    good = routed.run("workflow", "check", file, "--success", "true", "--format", "json")
    document = json.loads(good.stdout)
    assert (document["conformance"]["value"], document["precision"], document["deviations"]) == (1.0, 1.0, [])
    assert routed.run("workflow", "check", file, "--since", "2020-01-01", "--until", "2020-01-02", check=False).returncode == 3  # fmt: skip


def test_a_workflow_is_explained_with_its_graph_weeks_and_observed_level(routed):
    document = routed.get("/api/v1/workflows/route")
    assert document["executions"] == document["examined"] == 32
    assert (document["contract"], document["observed"]["level"], document["observed"]["variants"]) == (None, 2, 4)
    edges = {(edge["from"], edge["to"]): (edge["count"], edge["failed"]) for edge in document["graph"]["edges"]}
    assert edges["start", "sort"] == (32, 2)
    assert edges["odd", "end"] == (2, 2)
    assert document["variants"][0]["steps"][0] == "sort"
    assert {variant["deviating"] for variant in document["variants"]} == {None}
    assert sum(week["n"] for week in document["weeks"]) == 32
    assert document["readiness"]["ready"] is None


def test_the_flow_is_drawn_in_each_form(routed):
    assert "sort" in routed.run("workflow", "flow", "route").stdout
    assert routed.run("workflow", "flow", "route", "--format", "mermaid").stdout.startswith("flowchart TD")
    assert "<svg" in routed.run("workflow", "flow", "route", "--format", "html").stdout
    assert routed.json("workflow", "flow", "route")["workflow"] == "route"


def test_every_workflow_is_listed_with_its_declared_and_observed_level(routed):
    listed = {row["workflow"]: row for row in routed.json("workflow", "list")["workflows"]}
    assert (listed["route"]["level"], listed["route"]["observed"]["level"]) == (None, 2)
    assert "route" in routed.run("workflow", "list").stdout


def test_readiness_needs_executions_under_a_contract_whose_outcome_is_known(routed, monkeypatch):
    play(routed, monkeypatch, good, name="unjudged")
    asked = routed.run("workflow", "readiness", "unjudged", "--format", "json", check=False)
    found = json.loads(asked.stdout)
    assert (asked.returncode, found["ready"], found["level"], found["next_level"]) == (3, None, 3, 4)
    told = routed.run("workflow", "readiness", "unjudged", check=False)
    assert "unjudged at level 3 cannot be said to have earned the next level" in told.stdout


def test_a_single_workflow_need_not_be_named_and_of_several_one_is_asked_for(routed, monkeypatch):
    play(routed, monkeypatch, good, name="another")
    assert 'name = "route"' in routed.run("workflow", "learn", "--task-type", "route").stdout
    asked = routed.run("workflow", "readiness", check=False)
    assert (asked.returncode, "which workflow? name one of" in asked.stderr) == (2, True)
    asked = routed.run("workflow", "flow", "--agent", "nobody", check=False)
    assert (asked.returncode, "no execution matches" in asked.stderr) == (2, True)


def test_a_question_about_workflows_that_cannot_be_answered_says_why(routed):
    assert routed.run("workflow", "learn", "nobody", check=False).returncode == 2
    assert routed.run("workflow", "readiness", "nobody", check=False).returncode == 2
    assert "0 good executions are too few" in routed.run("workflow", "learn", "nobody", check=False).stderr
    assert "level 1: sort has no output schema" in routed.run("workflow", "learn", "route", "--level", "1", check=False).stderr  # fmt: skip
