"""The reviewer's desk in a terminal, against a real sidecar."""

import json

import httpx
import pytest

from running import running
from sidecar_process import whichstep
from whichstep.policy import Policy

POLICY = Policy.from_dict(
    {
        "rule": [{"action": "wire", "risk_level": "block", "when": ["amount > 100"], "id": "too-much"}],
        "default": "approve",
    }
)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    with running(folder, policy=POLICY) as found:
        found.folder = folder
        yield found


@pytest.fixture
def ask(started):
    def asked(action="wire", **body):
        answer = httpx.post(
            f"{started.http}/api/v1/approvals",
            json={"action": action, "arguments": {"amount": 40, "to": "x"}, **body},
            trust_env=False,
        )
        assert answer.status_code == 201
        return answer.json()["approval_id"]

    return asked


@pytest.fixture
def run(started, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".whichstep").mkdir()
    (tmp_path / ".whichstep" / "reviewer.token").write_text((started.folder / "reviewer.token").read_text())
    return lambda *arguments, **options: whichstep("approvals", *arguments, "--endpoint", started.http, **options)


def test_a_request_is_found_read_and_approved(run, ask):
    request = ask(
        agent="payer", summary="Pays the invoice", evidence=[{"source": "invoice", "text": "40 EUR", "score": 0.9}]
    )
    assert request in run("list").stdout
    shown = run("show", request).stdout
    assert all(
        word in shown
        for word in ("Pays the invoice", "payer", "40 EUR", "score 0.9", '"amount": 40', "by rule default")
    )
    decided = json.loads(run("approve", request, "--reason", "checked", "--format", "json").stdout)
    assert (decided["state"], decided["decided_by"], decided["notes"]) == ("approved", "reviewer", "checked")
    assert request not in run("list").stdout
    assert "reviewer" in run("list", "--state", "approved").stdout


def test_a_second_decision_exits_1_and_says_who_was_first(run, ask):
    request = ask()
    run("reject", request, "--reason", "no")
    again = run("approve", request, check=False)
    assert again.returncode == 1
    assert "rejected by reviewer" in again.stderr


def test_an_edit_names_what_changes_and_the_policy_judges_it(run, ask):
    blocked = ask()
    refused = run("edit", blocked, "--set", "amount=500", check=False)
    assert (refused.returncode, "too-much" in refused.stderr) == (1, True)
    edited = json.loads(run("edit", blocked, "--set", "amount=50", "--set", "to=y", "--format", "json").stdout)
    assert edited["edited_arguments"] == {"amount": 50, "to": "y"}
    whole = ask()
    run("edit", whole, "--arguments", '{"amount": 1}')
    assert "edited to:" in run("show", whole).stdout
    assert run("edit", ask(), check=False).returncode == 2


def test_without_a_reviewers_token_nothing_is_decided(run, ask, tmp_path):
    (tmp_path / ".whichstep" / "reviewer.token").unlink()
    request = ask()
    found = run("approve", request, check=False)
    assert found.returncode == 2
    assert "WHICHSTEP_TOKEN" in found.stderr


def test_control_characters_of_an_agents_text_do_not_reach_the_terminal(run, ask):
    request = ask(summary="\x1b[2Jgone\nnew line")
    assert "\x1b" not in run("show", request).stdout + run("list").stdout


def test_tokens_are_made_listed_and_revoked_beside_a_running_sidecar(started):
    def tokens(*arguments, check=True):
        return whichstep("tokens", *arguments, "--data-dir", str(started.folder), check=check)

    made = json.loads(tokens("create", "ann", "--scope", "review", "--format", "json").stdout)
    assert (made["name"], made["scopes"]) == ("ann", ["read", "review"])
    (listed,) = json.loads(tokens("list", "--format", "json").stdout)["tokens"]
    assert made["token"] not in tokens("list").stdout
    tokens("revoke", listed["token_id"])
    assert json.loads(tokens("list", "--format", "json").stdout) == {"tokens": []}
    assert tokens("revoke", "none", check=False).returncode == 2
    both = tokens("create", "x", "--scope", "review", "--scope", "ingest", check=False)
    assert (both.returncode, "who asks" in both.stderr) == (2, True)
