"""Held tools of a framework that an instrumentation records, too: one call is one step, and one action."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from sidecar_process import environment, sidecar_process

POLICY = """
[actions]
send_email = "approve"
issue_refund = "approve"
delete_all = "block"
"""
TOOLS = {"failed": "issue_refund", "blocked": "delete_all"}
"""What the call that comes to this end is of; every other is a message."""
MODES = ("suspend", "wait")
RAN, REFUSED = (True, True, True), (False, None, True)
"""Whether the action ran, by a person's approval, and whether one was asked for."""
ENDS = {
    "approved": ([("approval", "ok"), ("tool_call", "ok")], RAN, None),
    "edited": ([("approval", "ok"), ("tool_call", "ok")], RAN, None),
    "rejected": ([("approval", "rejected")], REFUSED, "approval_rejected"),
    "expired": ([("approval", "expired")], REFUSED, "approval_expired"),
    "blocked": ([("tool_call", "blocked")], (False, False, False), "policy_block"),
    "failed": ([("approval", "ok"), ("tool_call", "error")], RAN, "tool_error"),
}
CASES = [{"mode": mode, "name": name, "tool": TOOLS.get(name, "send_email")} for mode in MODES for name in ENDS]


def decision_on(to):
    name = to.partition("@")[0]
    if name == "rejected":
        return {"decision": "reject", "reason": "not to her"}
    if name == "edited":
        return {"decision": "edit", "arguments": {"to": "another@example.net"}}
    return {"decision": "approve"}


def decide(sidecar, token, over):
    """Decide as the addresses say, but on what is to expire."""
    client = httpx.Client(
        base_url=sidecar.http, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    )
    with client:
        while not over.wait(0.05):
            for item in client.get("/api/v1/approvals", params={"state": "pending"}).json()["approvals"]:
                whole = client.get(f"/api/v1/approvals/{item['approval_id']}").json()
                to = whole["arguments"]["to"]
                if not to.startswith("expired"):
                    client.post(f"/api/v1/approvals/{item['approval_id']}/decision", json=decision_on(to))


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """What ran, the execution of each case, and the sidecar."""
    folder = tmp_path_factory.mktemp("instrumented")
    (folder / "policy.toml").write_text(POLICY)
    with sidecar_process(folder / "data", "--policy", str(folder / "policy.toml")) as sidecar:
        over = threading.Event()
        token = (folder / "data" / "reviewer.token").read_text().strip()
        reviewer = threading.Thread(target=decide, args=(sidecar, token, over), daemon=True)
        reviewer.start()
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("instrumented_agent.py")), json.dumps(CASES)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment() | {"WHICHSTEP_ENDPOINT": sidecar.http, "WHICHSTEP_SPOOL_DIR": str(folder / "spool")},
        )
        over.set()
        reviewer.join()
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        sidecar.wait_for_executions(len(CASES))
        sidecar.wait_for(lambda: sidecar.sql("select count(*) from actions").item() == len(CASES))
        ids = {(case["mode"], case["name"]): each for case, each in zip(CASES, told["ids"], strict=True)}
        yield told["ran"], ids, sidecar


def test_what_was_decided_ran_once_and_nothing_else(played):
    ran, _, _ = played
    once = [
        ["send_email", "approved@example.net"],
        ["send_email", "another@example.net"],
        ["issue_refund", "failed@example.net"],
    ]
    assert ran == once * len(MODES)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ENDS)
def test_a_held_call_is_one_step_and_one_action_however_many_record_it(played, mode, name):
    _, ids, sidecar = played
    expected, action, kind = ENDS[name]
    document = sidecar.get(f"/api/v1/executions/{ids[mode, name]}")
    steps = [step for step in document["steps"] if step["type"] in {"approval", "tool_call"}]
    assert [(step["type"], step["status"]) for step in steps] == expected
    assert {step["name"] for step in steps} == {TOOLS.get(name, "send_email")}
    rows = sidecar.sql(
        "select a.ran, a.gated, a.approval_id is not null, s.name from actions a"
        f" left join steps s using (execution_id, step_id) where execution_id = '{ids[mode, name]}'"
    ).rows()
    assert rows == [(*action, TOOLS.get(name, "send_email"))]
    assert (document["action_count"], document["ungated_count"]) == (1, 0)
    assert document["violated"] is (name == "blocked")
    if kind is not None:
        assert document["failure_kind"] == kind
        assert document["failing_step_name"] == TOOLS.get(name, "send_email")
