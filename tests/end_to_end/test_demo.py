"""`whichstep demo`: the figures that it leaves are the ones it is there to show."""

import datetime as dt

import pytest

from sidecar_process import sidecar_process
from whichstep_cli.demo import history
from whichstep_cli.demo.play import TROUBLES


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data")) as running:
        running.run("demo", "--weeks", "8", "--no-agents")
        running.wait_for(lambda: settled(running), 60)
        yield running


def settled(sidecar):
    checks = {check["id"]: check for check in sidecar.get("/api/v1/doctor")["checks"]}
    total = sidecar.get("/api/v1/executions", purpose="demo", limit=1)["total"]
    return total > 2000 and checks["jobs"]["summary"].startswith("every execution")


def test_the_history_is_not_counted_as_production(sidecar):
    assert sidecar.json("executions", "list")["total"] == 0
    said = sidecar.run("executions", "list").stderr
    assert "purpose demo" in said


def test_the_bad_release_succeeds_less_often_than_the_others(sidecar):
    today = dt.datetime.now(dt.UTC).date()
    days = [today - dt.timedelta(days=days) for days in range(1, 57)]
    bad = {history.release_of(day) for day in days if history.is_regressed(day)}
    groups = sidecar.json("metrics", "--by", "release", "--purpose", "demo", "--agent", "support_agent")["groups"]
    rates = {
        group["group"]["release"]: group["metrics"]["task_success_rate"]["value"]
        for group in groups
        if group["metrics"]["task_success_rate"]["known"] > 150
    }
    worst = max(rate for release, rate in rates.items() if release in bad)
    assert worst < min(rate for release, rate in rates.items() if release not in bad)


def test_failures_name_the_steps_that_regressed_first(sidecar):
    groups = sidecar.json("failures", "--by", "step", "--purpose", "demo")["groups"]
    assert {group["label"] for group in groups[:2]} == {"support_agent/issue_refund", "support_agent/lookup_order"}
    kinds = {group["label"] for group in sidecar.json("failures", "--by", "kind", "--purpose", "demo")["groups"]}
    assert {"invalid_arguments", "tool_error", "tool_timeout", "loop", "llm_error", "approval_rejected"} <= kinds
    assert "unknown" not in kinds, "every failure of the history has a step and a reason"


def test_what_a_release_broke_is_said_to_be_new_since_it(sidecar):
    """Asked of the release before the latest, which on its first day may not have failed yet."""
    weeks = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=history.RELEASE_DAYS)
    release = history.release_of(weeks)
    groups = sidecar.json("failures", "--by", "signature", "--purpose", "demo", "--release", release)["groups"]
    new = {group["label"] for group in groups if group["new_since_release"] == release}
    assert any(trouble.said in label for label in new for trouble in TROUBLES)


def test_costs_latencies_and_escalations_are_known(sidecar):
    metrics = sidecar.json("metrics", "--purpose", "demo")["groups"][0]["metrics"]
    for name in ("cost_per_task", "latency_p95", "human_escalation_rate", "error_rate", "first_pass_success"):
        assert metrics[name]["value"] is not None, (name, metrics[name]["reason"])
    assert 0.8 < metrics["tool_selection_accuracy"]["value"] < 1
    assert metrics["policy_violation_rate"]["value"] is None
    assert "policy" in metrics["policy_violation_rate"]["reason"]
    for reason in ("policy", "agent", "failure", "user"):
        assert metrics[f"human_escalation_rate.{reason}"]["numerator"] > 0, reason


def test_sending_it_again_adds_nothing(sidecar):
    count = "select count(*) from spans"
    before = sidecar.json("sql", count)["rows"]
    sidecar.run("demo", "--weeks", "1", "--no-agents")
    sidecar.wait_for(lambda: settled(sidecar))
    assert sidecar.json("sql", count)["rows"] == before
