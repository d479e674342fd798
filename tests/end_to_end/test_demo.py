"""`whichstep demo`: the figures that it leaves are the ones it is there to show."""

import pytest

from sidecar_process import sidecar_process


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


def test_one_release_succeeds_less_often_than_all_others(sidecar):
    groups = sidecar.json("metrics", "--by", "release", "--purpose", "demo", "--agent", "support_agent")["groups"]
    rates = {
        group["group"]["release"]: group["metrics"]["task_success_rate"]
        for group in groups
        if group["metrics"]["task_success_rate"]["known"] > 100
    }
    worst = min(rates, key=lambda release: rates[release]["value"])
    assert all(rates[worst]["upper"] < rate["value"] for release, rate in rates.items() if release != worst)


def test_failures_name_the_step_that_regressed_first(sidecar):
    document = sidecar.json("failures", "--by", "step", "--purpose", "demo")
    assert "issue_refund" in document["groups"][0]["label"]
    kinds = {group["label"] for group in sidecar.json("failures", "--by", "kind", "--purpose", "demo")["groups"]}
    assert {"invalid_arguments", "tool_error", "tool_timeout", "loop", "llm_error"} <= kinds


def test_costs_latencies_and_escalations_are_known(sidecar):
    metrics = sidecar.json("metrics", "--purpose", "demo")["groups"][0]["metrics"]
    for name in ("cost_per_task", "latency_p95", "human_escalation_rate", "error_rate", "first_pass_success"):
        assert metrics[name]["value"] is not None, (name, metrics[name]["reason"])


def test_sending_it_again_adds_nothing(sidecar):
    count = "select count(*) from spans"
    before = sidecar.json("sql", count)["rows"]
    sidecar.run("demo", "--weeks", "1", "--no-agents")
    sidecar.wait_for(lambda: settled(sidecar))
    assert sidecar.json("sql", count)["rows"] == before
