"""Actions that a policy holds, with all real parts: an agent's process, the sidecar, a reviewer over HTTP."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from sidecar_process import environment, sidecar_process, whichstep

POLICY = """
[[rule]]
id = "mail outside"
action = "send_email"
when = 'to not matches "*@example.com"'
risk_level = "approve"

[actions]
send_email = "log"
search = "auto"
delete_all = "block"
issue_refund = "approve"
"""
AGENT = """
import json, sys
import whichstep

whichstep.configure(service="support", policy={"search": "auto", "send_email": "auto", "default": "auto"})
ran = []

@whichstep.tool
def search(query): return ["order A-17"]

@whichstep.tool
def send_email(to, body="hello"):
    ran.append(["send_email", to, body])
    return "sent"

@whichstep.tool
def delete_all(what): ran.append(["delete_all", what])

@whichstep.tool
def issue_refund(order, amount):
    ran.append(["issue_refund", order, amount])

def attempt(call, *arguments):
    try:
        call(*arguments)
        return "ran"
    except whichstep.WhichstepError as error:
        return type(error).__name__

with whichstep.task("refund_request", id="T-17", user="u-9") as execution:
    with whichstep.retrieval("refunds", name="kb") as step:
        step.sources([{"id": "policy-3", "score": 0.91, "content": "refunds within <b>30</b> days"}])
    search("A-17")
    outcomes = {
        "inside": attempt(send_email, "ann@example.com"),
        "approved": attempt(send_email, "a@customer.net"),
        "edited": attempt(send_email, "b@customer.net", "draft"),
        "rejected": attempt(send_email, "c@customer.net"),
        "blocked": attempt(delete_all, "everything"),
    }
whichstep.flush()
print(json.dumps({"id": execution.execution_id, "outcomes": outcomes, "ran": ran}))
"""
DECISIONS = {
    "a@customer.net": {"decision": "approve"},
    "b@customer.net": {"decision": "edit", "arguments": {"to": "b@customer.net", "body": "better"}},
    "c@customer.net": {"decision": "reject", "reason": "not this one"},
}


class Reviewer(threading.Thread):
    """Decides every request as DECISIONS say, by the reviewer's token."""

    def __init__(self, sidecar, data_dir):
        super().__init__(daemon=True)
        token = (data_dir / "reviewer.token").read_text().strip()
        self.client = httpx.Client(
            base_url=sidecar.http, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30
        )
        self.seen, self.over = {}, threading.Event()

    def run(self):
        while not self.over.wait(0.1):
            for item in self.client.get("/api/v1/approvals", params={"state": "pending"}).json()["approvals"]:
                whole = self.client.get(f"/api/v1/approvals/{item['approval_id']}").json()
                to = whole["arguments"]["to"]
                self.seen[to] = whole
                decided = self.client.post(f"/api/v1/approvals/{item['approval_id']}/decision", json=DECISIONS[to])
                assert decided.status_code == 200, decided.text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("held")


@pytest.fixture(scope="module")
def reviewer_token(folder, played):
    return (folder / "data" / "reviewer.token").read_text().strip()


@pytest.fixture(scope="module")
def played(folder):
    """The agent's run, what the reviewer saw, and the document of the execution."""
    (folder / "policy.toml").write_text(POLICY)
    with sidecar_process(folder / "data", "--policy", str(folder / "policy.toml")) as sidecar:
        reviewer = Reviewer(sidecar, folder / "data")
        reviewer.start()
        variables = {"WHICHSTEP_ENDPOINT": sidecar.http, "WHICHSTEP_SPOOL_DIR": str(folder / "spool")}
        done = subprocess.run(
            [sys.executable, "-c", AGENT],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment() | variables,
        )
        reviewer.over.set()
        reviewer.join()
        reviewer.client.close()
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        sidecar.wait_for_executions(1)
        yield told, reviewer.seen, sidecar.get(f"/api/v1/executions/{told['id']}"), sidecar


def test_what_runs_is_what_the_sidecars_policy_and_the_reviewer_allow(played):
    told, _, _, _ = played
    assert told["outcomes"] == {
        "inside": "ran",
        "approved": "ran",
        "edited": "ran",
        "rejected": "ApprovalRejected",
        "blocked": "ActionBlocked",
    }
    assert told["ran"] == [
        ["send_email", "ann@example.com", "hello"],
        ["send_email", "a@customer.net", "hello"],
        ["send_email", "b@customer.net", "better"],
    ]


def test_the_reviewer_saw_arguments_evidence_and_the_rule(played):
    told, seen, _, _ = played
    asked = seen["a@customer.net"]
    assert asked["arguments"] == {"to": "a@customer.net", "body": "hello"}
    assert (asked["execution_id"], asked["rule"], asked["risk_level"]) == (told["id"], "mail outside", "approve")
    assert (asked["task_type"], asked["agent"], asked["requester"]) == ("refund_request", "support", "u-9")
    assert asked["evidence"][0]["text"] == "refunds within <b>30</b> days"
    assert asked["evidence"][0]["score"] == 0.91


def test_the_steps_tell_waits_refusals_and_attempts(played):
    _, _, document, _ = played
    steps = [(step["type"], step["name"], step["status"]) for step in document["steps"]]
    assert steps == [
        ("workflow", "refund_request", "ok"),
        ("retrieval", "kb", "ok"),
        ("tool_call", "search", "ok"),
        ("tool_call", "send_email", "ok"),
        ("approval", "send_email", "ok"),
        ("tool_call", "send_email", "ok"),
        ("approval", "send_email", "ok"),
        ("tool_call", "send_email", "ok"),
        ("approval", "send_email", "rejected"),
        ("tool_call", "delete_all", "blocked"),
    ]


def test_waits_are_no_active_time(played):
    _, _, document, _ = played
    waited = sum(step["latency_ms"] for step in document["steps"] if step["type"] == "approval")
    assert waited > 0
    assert document["active_ms"] == pytest.approx(document["latency_ms"] - waited, abs=1.0)


def test_the_actions_are_compared_with_the_sidecars_policy(played):
    _, _, document, sidecar = played
    rows = sidecar.sql(
        "select action, risk_level, rule, ran, gated, approval_id is not null as asked from actions"
        " where action <> 'search' order by started_at"
    ).rows()
    assert rows == [
        ("send_email", "log", "send_email", True, False, False),
        ("send_email", "approve", "mail outside", True, True, True),
        ("send_email", "approve", "mail outside", True, True, True),
        ("send_email", "approve", "mail outside", False, None, True),
        ("delete_all", "block", "delete_all", False, False, False),
    ]
    assert document["violated"] is True
    (group,) = sidecar.get("/api/v1/metrics", purpose="all")["groups"]
    ungated, violations = (group["metrics"][name] for name in ("ungated_action_rate", "policy_violation_rate"))
    assert (ungated["value"], ungated["denominator"], violations["value"]) == (0.0, 6, 1.0)


def test_blocked_ungated_and_logged_actions_are_listed_and_reviews_are_seen(played):
    told, _, _, sidecar = played

    def asked(kind):
        return sidecar.get("/api/v1/actions", kind=kind, purpose="all")

    blocked, logged = asked("blocked"), asked("logged")
    assert blocked["counts"] == {
        "actions": 6, "blocked": 1, "ungated": 0, "gated": 2, "logged": 1, "automatic": 1, "unknown": 0,
    }  # fmt: skip
    assert (blocked["executions"], blocked["judged"], blocked["total"]) == (1, 1, 1)
    (attempt,) = blocked["actions"]
    assert (attempt["action"], attempt["status"], attempt["arguments"]) == (
        "delete_all",
        "blocked",
        {"what": "everything"},
    )
    assert asked("ungated")["actions"] == []
    (inside,) = logged["actions"]
    assert (inside["action"], inside["agent"], inside["review"]) == ("send_email", "support", None)
    review = {"execution_id": told["id"], "step_id": inside["step_id"], "name": "action_review", "label": "fine"}
    httpx.post(f"{sidecar.http}/api/v1/evaluations", json=review, trust_env=False, timeout=10).raise_for_status()
    assert [action["review"] for action in asked("logged")["actions"]] == ["fine"]


def test_the_decisions_are_figures_in_the_api_and_in_the_terminal(played):
    _, _, _, sidecar = played
    found = sidecar.get("/api/v1/approvals/figures", purpose="all")
    assert [found[name] for name in ("requests", "decided", "pending", "expired")] == [3, 3, 0, 0]
    rates = ("approval_rate", "edit_rate", "rejection_rate", "unused_share", "approved_then_error")
    counted = [(found[name]["numerator"], found[name]["denominator"]) for name in rates]
    assert counted == [(2, 3), (1, 3), (1, 3), (0, 2), (0, 2)]
    assert [(row["reviewer"], row["decisions"], row["sign"]) for row in found["by_reviewer"]] == [("reviewer", 3, None)]
    assert sidecar.json("approvals", "figures", "--purpose", "all") == found
    said = sidecar.run("approvals", "figures", "--purpose", "all")
    assert "66.7%" in said.stdout
    assert "3 of 3 requests were decided by a person" in said.stderr
    assert [(row["rule"], row["requests"]) for row in found["by_rule"]] == [("mail outside", 3)]
    assert found["without_execution"] == 0


def test_the_approvals_say_what_became_of_the_action_and_of_the_execution(played):
    _, _, document, sidecar = played
    rows = sidecar.sql(
        "select decision, action_status, execution_status, execution_success is null as unknown from approvals"
        " order by created_at"
    ).rows()
    assert rows == [
        ("approve", "ok", "ok", document["success"] is None),
        ("edit", "ok", "ok", document["success"] is None),
        ("reject", None, "ok", document["success"] is None),
    ]


def test_decisions_become_examples_that_say_what_was_right(played, tmp_path):
    told, _, _, sidecar = played
    file = tmp_path / "decisions.jsonl"
    create = ("dataset", "create", "--from", "approvals", "--purpose", "all", "--out", file)
    assert f"3 of 3 decided requests written to {file}" in sidecar.run(*create).stdout
    once = file.read_bytes()
    assert sidecar.json(*create)["examples"] == 3
    assert file.read_bytes() == once
    approved, edited, rejected = examples = [json.loads(line) for line in once.splitlines()]
    assert [example["decision"] for example in examples] == ["approve", "edit", "reject"]
    assert {example["execution_id"] for example in examples} == {told["id"]}
    assert (approved["action"], approved["arguments"]["to"]) == ("send_email", "a@customer.net")
    assert edited["edited_arguments"] == {"to": "b@customer.net", "body": "better"}
    assert edited["expectation"]["arguments"] == {"send_email": [edited["edited_arguments"]]}
    assert (rejected["reason"], rejected["expectation"]) == ("not this one", None)
    assert [example["outcome"]["used"] for example in examples] == [True, True, False]
    assert [example["outcome"]["action_failed"] for example in examples] == [False, False, None]
    (counted,) = json.loads(whichstep("dataset", "show", file, "--format", "json").stdout)["actions"]
    assert [counted[name] for name in ("examples", "approve", "edit", "reject")] == [3, 1, 1, 1]


def test_the_examples_label_their_executions(played, reviewer_token, tmp_path):
    _, _, _, sidecar = played
    file = tmp_path / "decisions.jsonl"
    sidecar.run("dataset", "create", "--from", "approvals", "--purpose", "all", "--out", file)
    said = subprocess.run(
        [sys.executable, "-m", "whichstep_cli", "expect", "--dataset", file, "--endpoint", sidecar.http],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment() | {"WHICHSTEP_TOKEN": reviewer_token},
    )
    assert "noted of 1 executions, from 2 of 3 examples" in said.stdout
    (label,) = sidecar.sql("select expectation from expectations where author is not null").rows()
    stated = json.loads(label[0])
    assert (stated["tools"], stated["allow_extra"]) == (["send_email", "send_email"], True)
    assert [call["to"] for call in stated["arguments"]["send_email"]] == ["a@customer.net", "b@customer.net"]


def test_another_policy_over_the_past_says_what_it_would_have_asked_and_blocked(played, tmp_path):
    _, _, _, sidecar = played
    other = tmp_path / "other.toml"
    other.write_text(
        'default = "auto"\n[[rule]]\naction = "send_email"\nwhen = \'to matches "*.net"\'\nrisk_level = "block"\n'
    )
    document = sidecar.json("policy", "what-if", other, "--purpose", "all")
    assert (document["calls"], document["truncated"]) == (5, False)
    assert document["before"] == {"auto": 1, "log": 1, "approve": 2, "block": 1, "unknown": 0}
    assert document["after"] == {"auto": 3, "log": 0, "approve": 0, "block": 2, "unknown": 0}
    assert {"action": "send_email", "before": "approve", "after": "block", "calls": 2, "executions": 1} in document[
        "actions"
    ]
    said = sidecar.run("policy", "what-if", other, "--purpose", "all").stdout
    assert "5 tool calls" in said


def test_the_sample_ticket_leaves_a_refund_that_waits_and_a_deletion_that_was_blocked(tmp_path):
    policy = Path(__file__).parents[2] / "cli" / "whichstep_cli" / "demo" / "policy.toml"
    code = (
        "import whichstep\nfrom whichstep_cli.demo.held import leave_a_request\nfrom whichstep_cli.demo.shop import Shop\n"
        "print(leave_a_request(Shop()))\nwhichstep.flush()"
    )
    with sidecar_process(tmp_path / "data", "--policy", str(policy)) as sidecar:
        variables = {"WHICHSTEP_ENDPOINT": sidecar.http, "WHICHSTEP_SPOOL_DIR": "off"}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment() | variables
        )
        found = sidecar.wait_for(
            lambda: sidecar.get("/api/v1/executions", purpose="demo", status="waiting")["executions"]
        )
        assert (found[0]["violated"], found[0]["escalated"]) == (True, True)
        (request,) = sidecar.sql("select approval_id, state, action, rule from approvals").rows()
        assert request == (done.stdout.strip(), "pending", "issue_refund", "large refunds")
