"""The scenario that the product began with, all parts real: an agent, the sidecar, a person with a browser."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from browser import browser
from frameworks.framework import Framework
from frameworks.model import ScriptedModel
from frameworks.variants import Variant
from sidecar_process import environment, sidecar_process
from whichstep_cli.demo.scripted_model import serving
from whichstep_cli.demo.stories import Say, ToolCall

POLICY = """
[actions]
send_external_email = "approve"
delete_any_data = "block"
"""
MAIL = {"to": "mira@example.net", "subject": "Your refund"}
SENT = Say("It is done, or I said why not.")
CASES = {
    **dict.fromkeys(
        ("approved", "edited", "rejected", "expired"),
        (Say("high"), (ToolCall("send_external_email", MAIL),), SENT),
    ),
    "blocked": (Say("high"), (ToolCall("delete_any_data", {"what": "everything"}),), SENT),
    "harmless": (Say("low"), Say("Nothing to do.")),
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """What the agent said, the pages that the person saw, and the sidecar that knows it all."""
    folder = tmp_path_factory.mktemp("seed")
    (folder / "policy.toml").write_text(POLICY)
    with contextlib.ExitStack() as stack:
        sidecar = stack.enter_context(sidecar_process(folder / "data", "--policy", str(folder / "policy.toml")))
        window = stack.enter_context(browser())
        models = [
            {
                "name": name,
                "model_url": stack.enter_context(
                    serving(ScriptedModel(Variant(name, moves), Framework("", (), ())).answer)
                ),
            }
            for name, moves in CASES.items()
        ]
        variables = {"WHICHSTEP_ENDPOINT": sidecar.http, "WHICHSTEP_SPOOL_DIR": str(folder / "spool")}
        agent = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("seed_agent.py")), json.dumps(models)],
            env=environment() | variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        with agent:
            try:
                pages = _decide(sidecar, window, (folder / "data" / "reviewer.token").read_text().strip())
                said, _ = agent.communicate(timeout=60)
            finally:
                agent.kill()
        assert agent.returncode == 0
        sidecar.wait_for_executions(len(CASES))
        yield json.loads(said), pages, sidecar


def _decide(sidecar, window, token):
    """Decide as a person does; the text of each page before it, and what the executions showed meanwhile."""
    asked = sidecar.wait_for(lambda: _asked(sidecar), seconds=60)
    pages = {"meanwhile": sidecar.wait_for(lambda: _waiting(sidecar, asked))}
    window.open(f"{sidecar.http}/approvals?token={token}")
    for name in ("approved", "edited", "rejected"):
        window.open(f"{sidecar.http}/approvals/{asked[name]['approval_id']}")
        pages[name] = window.text()
        if name == "approved":
            window.click("button[value=approve]")
        elif name == "rejected":
            window.type("form textarea[name=reason]", "not to her")
            window.click("button[value=reject]")
        else:
            window.click("summary")
            window.type("textarea[name='argument.1']", "Your refund of 39.90 euros")
            window.click("button[value=edit]")
        pages[f"{name} after"] = window.wait_for("Decision\n")
    return pages


def _asked(sidecar):
    """The requests by case, once all have been made."""
    shown = {
        item["execution_id"]: item["task_id"] for item in sidecar.get("/api/v1/executions", limit=100)["executions"]
    }
    items = sidecar.get("/api/v1/approvals")["approvals"]
    asked = {shown.get(item["execution_id"]): item for item in items}
    return asked if asked.keys() == {"approved", "edited", "rejected", "expired"} else None


def _waiting(sidecar, asked):
    """The documents of the executions of which a person has to decide, once they are shown as waiting."""
    ids = {name: item["execution_id"] for name, item in asked.items() if name != "expired"}
    found = {name: sidecar.get(f"/api/v1/executions/{each}") for name, each in ids.items()}
    return found if all(document["status"] == "waiting" for document in found.values()) else None


def steps_of(sidecar, told, name):
    document = sidecar.get(f"/api/v1/executions/{told['told'][name]['id']}")
    return [(step["type"], step["name"], step["status"]) for step in document["steps"]], document


def approval_of(sidecar, told, name):
    columns = "state, decision, decided_by, notes, edited_arguments, consumed_at is not null as used"
    found = sidecar.sql(f"select {columns} from approvals where execution_id = '{told['told'][name]['id']}'")
    (row,) = found.to_dicts()
    return row


def test_nothing_but_what_the_person_decided_was_sent_and_nothing_was_deleted(played):
    told, _, _ = played
    assert sorted(told["ran"]) == [
        ["send_external_email", "mira@example.net", "Your refund"],
        ["send_external_email", "mira@example.net", "Your refund of 39.90 euros"],
    ]


def test_the_execution_waits_while_the_person_reads_what_is_proposed(played):
    _, pages, _ = played
    for name in ("approved", "edited", "rejected"):
        steps = [(step["type"], step["status"]) for step in pages["meanwhile"][name]["steps"]]
        assert ("approval", "pending_approval") in steps
        assert "send_external_email" in pages[name]
        assert "mira@example.net" in pages[name]


@pytest.mark.parametrize(
    ("name", "state", "step"),
    [
        ("approved", "consumed", "ok"),
        ("edited", "consumed", "ok"),
        ("rejected", "rejected", "rejected"),
        ("expired", "expired", "expired"),
    ],
)
def test_the_decision_is_in_the_approvals_and_in_the_steps(played, name, state, step):
    told, _, sidecar = played
    approval = approval_of(sidecar, told, name)
    steps, document = steps_of(sidecar, told, name)
    assert (approval["state"], approval["used"]) == (state, state == "consumed")
    assert [each for each in steps if each[0] == "approval"] == [("approval", "send_external_email", step)]
    sent = [each for each in steps if each[:2] == ("tool_call", "send_external_email") and each[2] == "ok"]
    assert len(sent) == (state == "consumed")
    assert document["status"] == "ok"
    assert document["escalated"] is True
    decisions = {"approved": "approve", "edited": "edit", "rejected": "reject", "expired": None}
    assert approval["decision"] == decisions[name]
    assert approval["decided_by"] == (None if name == "expired" else "reviewer")


def test_the_agent_goes_on_with_what_the_person_said(played):
    told, _, sidecar = played
    assert "sent" in told["told"]["approved"]["told"]
    assert (
        json.loads(approval_of(sidecar, told, "edited")["edited_arguments"])["subject"] == "Your refund of 39.90 euros"
    )
    assert any("was rejected by reviewer: not to her" in text for text in told["told"]["rejected"]["told"])
    assert any("nobody decided" in text for text in told["told"]["expired"]["told"])


def test_what_is_blocked_is_a_violation_and_no_request(played):
    told, _, sidecar = played
    steps, document = steps_of(sidecar, told, "blocked")
    assert ("tool_call", "delete_any_data", "blocked") in steps
    assert document["violated"] is True
    assert sidecar.sql("select count(*) from approvals where action = 'delete_any_data'").item() == 0


def test_what_is_harmless_is_routed_past_the_tools(played):
    told, _, sidecar = played
    steps, document = steps_of(sidecar, told, "harmless")
    assert not [each for each in steps if each[0] in {"tool_call", "approval"}]
    assert (document["status"], document["final_output"]) == ("ok", "Nothing to do.")
