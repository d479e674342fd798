"""The light page, as a browser without scripts uses it; a real browser is in tests/end_to_end/test_seed_scenario.py."""

from __future__ import annotations

import html
import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from running import running, wait_until
from whichstep.policy import Policy
from whichstep_collector.approvals import argument_form

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e' \" & \x00"
POLICY = Policy.from_dict(
    {"rule": [{"action": "send", "risk_level": "block", "when": ["amount > 100"]}], "default": "approve"}
)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    with running(folder, policy=POLICY) as found:
        found.token = (folder / "reviewer.token").read_text().strip()
        yield found


@pytest.fixture
def browser(started):
    with httpx.Client(base_url=started.http, trust_env=False) as client:
        yield client


@pytest.fixture
def ask(started):
    def asked(**body):
        body = {"action": "send", "arguments": {"to": "x", "amount": 40, "urgent": True, "tags": ["a"]}, **body}
        answer = httpx.post(f"{started.http}/api/v1/approvals", json=body, trust_env=False)
        assert answer.status_code == 201, answer.text
        return answer.json()["approval_id"]

    return asked


def sign_in(browser, started):
    answer = browser.post("/approvals/session", data={"token": started.token, "next": ""})
    assert answer.status_code == 303


def form_of(page):
    hidden = dict(re.findall(r"<input type='hidden' name='(\w+)' value='([^']*)'>", page))
    inputs = {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r"<input name='([^']+)' inputmode='decimal' value='([^']*)'>", page)
    }
    areas = {
        html.unescape(name): html.unescape(text)
        for name, text in re.findall(r"<textarea name='([^']+)' rows='\d+'>\n?(.*?)</textarea>", page, re.DOTALL)
    }
    chosen = {
        html.unescape(name): value
        for name, value in re.findall(r"<select name='([^']+)'>.*?<option selected>([^<]*)</option>", page, re.DOTALL)
    }
    return {**hidden, **inputs, **areas, **chosen}


def test_a_request_shows_on_one_page_and_nobody_decides_before_signing_in(browser, started, ask):
    request = ask(
        summary="Pays the invoice", agent="payer", task="T-1", release="R2", requester="carl",
        evidence=[{"source": f"kb-{n}", "text": "because", "score": n / 10} for n in range(5)],
    )  # fmt: skip
    page = browser.get(f"/approvals/{request}").text
    for word in (
        "Pays the invoice",
        "payer",
        "T-1",
        "R2",
        "carl",
        "approve, by rule default",
        "<dt>amount</dt><dd class='text' tabindex='0'>40</dd>",
    ):
        assert word in page
    assert "Evidence (3 of 5)" in page
    assert "score 0.2" in page
    assert "kb-3" not in page
    assert "value='approve'" not in page
    refused = browser.post(f"/approvals/{request}", data={"decision": "approve"})
    assert refused.status_code == 403
    assert "reviewer&#x27;s token" in refused.text


def test_the_link_with_the_token_signs_in_and_leaves_the_address_at_once(browser, started, ask):
    request = ask()
    answer = browser.get(f"/approvals/{request}", params={"token": started.token})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/approvals/{request}")
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/approvals"))
    assert "value='approve'" in browser.get(f"/approvals/{request}").text
    wrong = browser.get("/approvals", params={"token": "guess"})
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_on_the_page_counts_under_the_reviewers_name(browser, started, ask, decision, state):
    sign_in(browser, started)
    request = ask()
    form = form_of(browser.get(f"/approvals/{request}").text)
    answer = browser.post(f"/approvals/{request}", data={**form, "decision": decision, "reason": "seen"})
    assert answer.status_code == 303
    kept = started.store.ledger.approvals.find(request)
    assert (kept.state, kept.decided_by, kept.notes) == (state, "reviewer", "seen")
    page = browser.get(f"/approvals/{request}").text
    assert "by reviewer" in page
    assert "value='approve'" not in page


def test_an_edit_changes_what_was_changed_and_keeps_the_kinds_of_values(browser, started, ask):
    sign_in(browser, started)
    request = ask()
    form = form_of(browser.get(f"/approvals/{request}").text)
    assert form["argument.1"] == "40"
    changed = {
        **form,
        "argument.1": "41.5",
        "argument.2": "false",
        "argument.3": '["a", "b"]',
        "decision": "edit",
    }
    assert browser.post(f"/approvals/{request}", data=changed).status_code == 303
    kept = httpx.get(f"{started.http}/api/v1/approvals/{request}", trust_env=False).json()
    assert kept["edited_arguments"] == {"to": "x", "amount": 41.5, "urgent": False, "tags": ["a", "b"]}


def test_what_cannot_be_is_said_on_the_page(browser, started, ask):
    sign_in(browser, started)
    request = ask()
    form = form_of(browser.get(f"/approvals/{request}").text)
    number = browser.post(f"/approvals/{request}", data={**form, "argument.1": "many", "decision": "edit"})
    assert (number.status_code, "amount is to be a number" in number.text) == (400, True)
    blocked = browser.post(f"/approvals/{request}", data={**form, "argument.1": "500", "decision": "edit"})
    assert (blocked.status_code, "rule" in blocked.text) == (403, True)
    browser.post(f"/approvals/{request}", data={**form, "decision": "reject"})
    late = browser.post(f"/approvals/{request}", data={**form, "decision": "approve"})
    assert (late.status_code, "rejected by reviewer" in late.text) == (409, True)


def test_a_form_from_elsewhere_is_refused(browser, started, ask):
    sign_in(browser, started)
    request, other = ask(), ask()
    form = form_of(browser.get(f"/approvals/{request}").text)
    for sent, headers in (
        ({**form, "key": ""}, {}),
        (form_of(browser.get(f"/approvals/{other}").text), {}),
        (form, {"origin": "http://evil.example"}),
    ):
        answer = browser.post(f"/approvals/{request}", data={**sent, "decision": "approve"}, headers=headers)
        assert answer.status_code == 403
    assert started.store.ledger.approvals.find(request).state == "pending"


def test_hostile_texts_are_text(browser, started, ask):
    sign_in(browser, started)
    request = ask(
        action=HOSTILE[:100], summary=HOSTILE, agent=HOSTILE, arguments={HOSTILE: HOSTILE, "'><b>": ["</textarea><script>"]},
        evidence=[{"source": HOSTILE, "text": HOSTILE, "score": None}], requester=HOSTILE,
    )  # fmt: skip
    for path in ("/approvals", f"/approvals/{request}"):
        page = browser.get(path)
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "\u202e" not in page.text
        assert "\x00" not in page.text
        assert "script" not in page.headers["content-security-policy"]
    form = form_of(browser.get(f"/approvals/{request}").text)
    assert browser.post(f"/approvals/{request}", data={**form, "decision": "edit"}).status_code == 303
    assert started.store.ledger.approvals.find(request).state == "approved", (
        "an edit that changes nothing is an approval"
    )


def test_a_huge_argument_is_cut_on_the_page_and_says_so(browser, started, ask):
    sign_in(browser, started)
    request = ask(action="write", arguments={"text": "x" * 300_000, **{f"k{n}": n for n in range(200)}})
    page = browser.get(f"/approvals/{request}").text
    assert "more characters" in page
    assert page.count("name='argument.") == argument_form.FIELDS_MAX


def test_a_huge_argument_hides_no_other_and_is_one_click_away(browser, started, ask):
    sign_in(browser, started)
    request = ask(action="write", arguments={"text": "x" * 30_000 + "END", "rows": [0] * 101, "to": "ann"})
    page = browser.get(f"/approvals/{request}").text
    read = page.partition("<h2>Evidence")[0]
    assert "END" not in read
    assert "<dt>to</dt><dd class='text' tabindex='0'>ann</dd>" in read
    assert "… and 1 more" in read
    assert f"<a href='/approvals/{request}?whole=1'>" in page
    whole = browser.get(f"/approvals/{request}?whole=1").text.partition("<h2>Evidence")[0]
    assert "END" in whole
    assert "more characters" not in whole


def test_arguments_are_read_as_they_are_meant():
    read = argument_form.shown(
        {"letter": "Dear Ann,\n\nhello", "text": "40", "number": 40, "nothing": None, "empty": "", "odd": "a\u202eb"}
    )
    assert dict(read.arguments) == {
        "letter": "Dear Ann,\n\nhello",
        "text": '"40"',
        "number": "40",
        "nothing": "null",
        "empty": '""',
        "odd": '"a\\u202eb"',
    }
    assert not read.is_cut


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.just("x" * 3000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_whatever_the_arguments_are_each_is_there_and_bounded_and_a_cut_is_said(arguments):
    read, whole = argument_form.shown(arguments), argument_form.shown(arguments, whole=True)
    assert [name for name, _ in read.arguments] == [name for name, _ in whole.arguments] == list(arguments)
    assert read.is_cut == (read.arguments != whole.arguments)
    for (_, text), (_, full) in zip(read.arguments, whole.arguments, strict=True):
        assert len(text) <= argument_form.TEXT_SHOWN + 40
        assert text == full or "… and" in text or "\\u2026 and" in text


def test_the_time_that_is_left_is_told(browser, started, ask):
    sign_in(browser, started)
    request = ask(expires_in_seconds=5400)
    assert "1 h 29 min left, until " in browser.get(f"/approvals/{request}").text
    assert "1 h 29 min left, until " in browser.get("/approvals").text


def test_the_inbox_lists_what_waits(browser, started, ask):
    request = ask(summary="Only one")
    page = browser.get("/approvals")
    assert f"/approvals/{request}" in page.text
    assert "wait" in page.text


def test_where_tokens_are_needed_nothing_shows_without_one(tmp_path):
    with running(tmp_path, token="secret") as started, httpx.Client(base_url=started.http, trust_env=False) as browser:
        headers = {"authorization": "Bearer secret"}
        request = browser.post(
            "/api/v1/approvals", json={"action": "send", "summary": "private"}, headers=headers
        ).json()["approval_id"]
        for path in ("/approvals", f"/approvals/{request}"):
            answer = browser.get(path)
            assert (answer.status_code, "private" in answer.text) == (401, False)
            assert "<form method='post' action='/approvals/session'>" in answer.text
        token = (tmp_path / "reviewer.token").read_text().strip()
        browser.post("/approvals/session", data={"token": token, "next": request})
        assert "private" in browser.get(f"/approvals/{request}").text
        assert browser.get("/approvals/none").status_code == 404


def test_a_revoked_reviewer_is_out(tmp_path):
    with running(tmp_path) as started, httpx.Client(base_url=started.http, trust_env=False) as browser:
        token = started.store.ledger.add_token("ann", ["read", "review"])
        wait_until(lambda: browser.post("/approvals/session", data={"token": token}).status_code == 303)
        assert "signed in as ann" in browser.get("/approvals").text
        started.store.ledger.revoke_token(started.store.ledger.tokens()[0].token_id)
        wait_until(lambda: "signed in as ann" not in browser.get("/approvals").text)
