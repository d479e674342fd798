"""The reviewer's screen, run by Streamlit itself against a real sidecar."""

from __future__ import annotations

import httpx
import pytest
from dashboard_texts import texts
from fake_api import HOSTILE

from running import running
from whichstep.policy import Policy
from whichstep_store.ledger_deliveries import ATTEMPTS_MAX

POLICY = Policy.from_dict(
    {
        "default": "approve",
        "rule": [
            {"action": "wire", "risk_level": "block", "when": ["amount > 1000"], "id": "too-much"},
            {"action": "publish", "risk_level": "approve", "quorum": 2},
            {"action": "hire", "risk_level": "approve", "reviewers": ["ann", "bob"]},
        ],
    }
)
SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "speed": {"enum": ["slow", "fast"]}, "note": {"type": "string"}},
}


class Desk:
    def __init__(self, started, token):
        self.started, self.token = started, token

    def ask(self, **body):
        body = {"action": "wire", "arguments": {"amount": 40, "speed": "slow"}, "arguments_schema": SCHEMA, **body}
        answer = httpx.post(f"{self.started.http}/api/v1/approvals", json=body, trust_env=False)
        assert answer.status_code == 201, answer.text
        return answer.json()["approval_id"]

    def kept(self, approval_id):
        return self.started.store.ledger.approvals.find(approval_id)


@pytest.fixture
def desk(tmp_path):
    with running(tmp_path, policy=POLICY) as started:
        yield Desk(started, (tmp_path / "reviewer.token").read_text().strip())


@pytest.fixture
def open_desk(open_page, desk):
    def open_(token=None, **query):
        return open_page("approvals", desk.started.http, own_token=desk.token if token is None else token, **query)

    return open_


def button(page, label):
    (found,) = [item for item in page.button if item.label == label]
    return found


def test_an_empty_inbox_says_so(open_desk):
    page = open_desk()
    assert not page.exception
    assert "Nothing waits for a decision" in texts(page)
    assert "You decide as **reviewer**" in texts(page)


def test_the_inbox_lists_what_waits_with_the_time_that_is_left(open_desk, desk):
    for number in range(3):
        desk.ask(summary=f"payment {number}", agent="payer", expires_in_seconds=3600 * (3 - number))
    page = open_desk()
    table = page.dataframe[0].value
    assert list(table["summary"]) == ["payment 2", "payment 1", "payment 0"]
    assert table["time"][0].endswith("min")
    assert "3 of 3" in texts(page)


def test_a_request_shows_everything_and_is_approved_with_a_reason(open_desk, desk):
    request = desk.ask(
        summary="Pays the invoice", agent="payer", task="T-1", release="R2", requester="carl", execution_id="f" * 32,
        evidence=[{"source": f"kb-{n}", "text": f"because {n}", "score": n / 10} for n in range(5)],
    )  # fmt: skip
    page = open_desk(approval=request)
    assert not page.exception
    said = texts(page).replace("\\", "")
    for word in (
        "Pays the invoice",
        "payer",
        "T-1",
        "R2",
        "carl",
        "approve, by rule default",
        "kb-2",
        "score 0.2",
        "3 of 5",
    ):
        assert word in said, word
    assert "kb-3" not in said
    assert [element.value for element in page.code] == ["40", "slow"]
    assert "3 h 59 min left" in texts(page)
    page.text_area(key="approval-reason").set_value("checked")
    page = button(page, "Approve").click().run()
    assert not page.exception
    kept = desk.kept(request)
    assert (kept.state, kept.decided_by, kept.notes) == ("approved", "reviewer", "checked")
    assert "wire: **approved**" in texts(page)
    assert "approval" not in page.query_params


def test_rejecting_is_one_click(open_desk, desk):
    request = desk.ask()
    button(open_desk(approval=request), "Reject").click().run()
    assert desk.kept(request).state == "rejected"


def test_arguments_are_edited_in_a_form_made_from_the_tools_schema(open_desk, desk):
    request = desk.ask()
    page = open_desk(approval=request)
    assert page.selectbox(key="argument.1").options == ["slow", "fast"]
    page.text_input(key="argument.0").set_value("41.5")
    page.selectbox(key="argument.1").set_value("fast")
    page.text_input(key="argument.2").set_value("soon")
    button(page, "Approve as edited").click().run()
    assert desk.kept(request).edited_arguments == '{"amount":41.5,"speed":"fast","note":"soon"}'


def test_what_is_refused_is_said_on_the_request(open_desk, desk):
    request = desk.ask()
    page = open_desk(approval=request)
    page.text_input(key="argument.0").set_value("many")
    page = button(page, "Approve as edited").click().run()
    assert "amount is to be a number" in page.error[0].value.replace("\\", "")
    page.text_input(key="argument.0").set_value("5000")
    page = button(page, "Approve as edited").click().run()
    assert "too-much" in page.error[0].value.replace("\\", "")
    assert desk.kept(request).state == "pending"


def test_a_request_that_changed_meanwhile_is_not_decided_unseen(open_desk, desk):
    request = desk.ask(action="publish")
    page = open_desk(approval=request)
    other = desk.started.store.ledger.add_token("ann", ["read", "review"])
    import time

    time.sleep(1.1)  # tokens are looked up once a second
    httpx.post(
        f"{desk.started.http}/api/v1/approvals/{request}/decision", trust_env=False,
        json={"decision": "edit", "arguments": {"amount": 1}}, headers={"authorization": f"Bearer {other}"},
    ).raise_for_status()  # fmt: skip
    page = button(page, "Approve").click().run()
    assert "look at it again" in page.error[0].value
    page = button(page, "Approve").click().run()
    kept = desk.kept(request)
    assert (kept.state, kept.decided_by) == ("edited", "ann, reviewer")


def test_without_a_reviewers_token_the_page_shows_and_does_not_decide(open_desk, desk):
    request = desk.ask()
    page = open_desk(token="", approval=request)
    assert not page.exception
    assert "needs a reviewer's token" in texts(page).replace("\\", "")
    assert not [item for item in page.button if item.label == "Approve"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text(open_desk, desk, text):
    request = desk.ask(
        action=text[:200], summary=text, agent=text[:200], arguments={text: text, "deep": [{"x": text}]}, arguments_schema=None,
        evidence=[{"source": text, "text": text}], requester=text[:200], task=text, release=text[:200],
    )  # fmt: skip
    for query in ({}, {"approval": request}):
        page = open_desk(**query)
        assert not page.exception
        assert not page.error


def test_a_decided_request_says_who_decided_and_offers_nothing_more(open_desk, desk):
    request = desk.ask()
    desk.started.store.ledger.approvals.cancel(request)
    page = open_desk(approval=request)
    assert not page.exception
    assert not [item for item in page.button if item.label == "Approve"]
    assert "cancelled" in texts(page)


def test_an_unknown_request_says_so(open_desk, desk):
    page = open_desk(approval="none")
    assert "there is nothing of that id" in texts(page).replace("\\", "")


def test_what_the_webhook_did_not_take_is_marked_in_the_inbox_and_said_on_the_request(open_desk, desk):
    deliveries = desk.started.store.ledger.deliveries
    request, retried = desk.ask(summary="nobody heard of it"), desk.ask(summary="again")
    assert "webhook" not in open_desk().dataframe[0].value.columns
    assert "webhook" not in texts(open_desk(approval=request))
    now = desk.started.store.ledger.approvals.now()
    assert {one.approval_id for one in deliveries.due(now)} == {request, retried}
    (again,) = deliveries.of(retried)
    deliveries.refused(again, status=503, error="it answered 503: <b>busy</b>", now=now)
    for _ in range(ATTEMPTS_MAX):
        (one,) = deliveries.of(request)
        deliveries.refused(one, status=None, error="connection refused", now=now)
    table = open_desk().dataframe[0].value
    assert dict(zip(table["summary"], table["webhook"], strict=True)) == {
        "nobody heard of it": "⚠ undelivered",
        "again": "⚠ trying again (1)",
    }
    said = texts(open_desk(approval=request))
    assert "webhook, that it waits" in said
    assert f"⚠ undelivered after {ATTEMPTS_MAX} attempts: connection refused" in said
    assert "503: <b>busy</b>" in texts(open_desk(approval=retried))
    deliveries.taken(again, status=200, now=now)
    assert "delivered, " in texts(open_desk(approval=retried))


def test_a_long_argument_hides_no_other_and_can_be_shown_whole(open_desk, desk):
    request = desk.ask(action="write", arguments={"text": "x" * 50_000 + "END", "to": "somebody else\nin two lines"})
    page = open_desk(approval=request)
    text, to = (element.value for element in page.code)
    assert text.endswith("… and 48,003 more characters")
    assert to == "somebody else\nin two lines"
    page.toggle(key="whole-Arguments").set_value(True).run()
    assert page.code[0].value == "x" * 50_000 + "END"


def test_whoever_the_rule_does_not_want_is_told_before_reading(open_desk, desk):
    request = desk.ask(action="hire")
    page = open_desk(approval=request)
    assert "The rule wants ann, bob to decide." in texts(page).replace("\\", "")
    assert "The rule wants" not in texts(open_desk(approval=desk.ask()))


def test_the_inbox_shows_the_requests_of_the_action_that_the_address_names(open_desk, desk):
    desk.ask(summary="a payment")
    desk.ask(action="publish", summary="a page")
    page = open_desk(action="publish")
    assert list(page.dataframe[0].value["summary"]) == ["a page"]
    button(page, "Only publish").click().run()
    assert len(page.dataframe[0].value) == 2
    assert "No request of this action" in texts(open_desk(action="nothing"))
