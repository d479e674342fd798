"""The state machine of requests: what one of them can become, against the real ledger."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from store_builders import NOON, SECOND, trace
from whichstep_store import approvals as rules
from whichstep_store.approvals import Approval, ChangeRefused, Requirement, Verdict
from whichstep_store.ledger import Ledger
from whichstep_store.ledger_approvals import Cursor

HOUR = 3600 * SECOND
DIGEST = "d" * 64


def request(approval_id="a", *, action="send", digest=DIGEST, requester=None):
    return Approval(
        approval_id=approval_id, execution_id=trace(1).hex(), step_id=None, state="pending", action=action,
        arguments="{}", evidence="[]", summary="s", risk_level="approve", rule="r", policy_digest="p", agent="agent",
        task_type=None, release=None, created_at=0, expires_at=0, arguments_digest=digest, requester=requester,
    )  # fmt: skip


def asked(quorum=1, reviewers=(), *, requester_may_review=True):
    found = Requirement("approve", "r", "p", reviewers, quorum, requester_may_review)
    return lambda _approval: found


@pytest.fixture
def desk(tmp_path, clock):
    ledger = Ledger(tmp_path / "ledger.sqlite", clock=clock)
    yield ledger.approvals
    ledger.close()


def test_the_table_has_no_way_out_of_an_end():
    ends = {rules.REJECTED, rules.EXPIRED, rules.CANCELLED, rules.CONSUMED}
    assert not any(state in ends for state, _ in rules.TRANSITIONS)
    assert set(rules.TRANSITIONS.values()) | {rules.PENDING} == set(rules.STATES)


def test_setting_the_clock_back_does_not_revive_an_expired_request(tmp_path, clock):
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path, clock=clock)
    ledger.approvals.create(request(), expires_in=HOUR)
    ledger.approvals.create(request("b"), expires_in=10 * HOUR)
    clock.advance(3600)
    assert ledger.approvals.find("a").state == "expired"
    clock.advance(-7200)
    with pytest.raises(ChangeRefused):
        ledger.approvals.decide("a", Verdict("ann", "approve"), asked())
    assert ledger.approvals.find("b").state == "pending"
    ledger.close()
    again = Ledger(path, clock=clock)
    assert again.approvals.find("a").state == "expired"
    ledger = again.approvals
    ledger.create(request("c"), expires_in=HOUR)
    assert ledger.find("c").created_at >= NOON + 2 * HOUR
    again.close()


def test_time_that_was_only_looked_at_is_kept_across_a_restart(tmp_path, clock):
    """Nobody looked at the request itself before the clock was set back; another one was made after its time."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path, clock=clock)
    ledger.approvals.create(request(), expires_in=HOUR)
    clock.advance(3601)
    ledger.approvals.create(request("b"), expires_in=HOUR)
    ledger.close()
    clock.advance(-3600)
    again = Ledger(path, clock=clock)
    assert again.approvals.find("a").state == "expired"
    again.close()


def test_a_decision_that_nobody_uses_lapses_after_the_time_that_the_request_had(desk, clock):
    desk.create(request(), expires_in=HOUR)
    clock.advance(1800)
    desk.decide("a", Verdict("ann", "approve"), asked())
    clock.advance(3599)
    assert desk.find("a").state == "approved"
    clock.advance(2)
    lapsed = desk.find("a")
    assert (lapsed.state, lapsed.decision, lapsed.decided_by) == ("expired", "approve", "ann")
    with pytest.raises(ChangeRefused):
        desk.consume("a", DIGEST)


def test_requests_whose_time_has_passed_are_written_down_in_one_go(desk, clock):
    for number in range(3):
        desk.create(request(str(number)), expires_in=HOUR + number * SECOND)
    clock.advance(3601)
    assert sorted(desk.expire_due()) == ["0", "1"]
    assert desk.expire_due() == []
    assert desk.next_deadline() == desk.find("2").expires_at
    assert (desk.count("expired"), desk.count("pending")) == (2, 1)


def test_of_many_reviewers_at_once_one_decides(desk):
    desk.create(request(), expires_in=HOUR)
    decided, refused = [], []
    barrier = threading.Barrier(16)

    def decide(number):
        barrier.wait()
        verdict = Verdict(f"r{number}", ("approve", "reject")[number % 2])
        try:
            decided.append(desk.decide("a", verdict, asked()))
        except ChangeRefused as error:
            refused.append(error.approval.decided_by)

    threads = [threading.Thread(target=decide, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decided) == 1
    assert set(refused) == {decided[0].decided_by}
    assert len(refused) == 15


def test_a_change_by_another_hand_since_it_was_read_is_not_overwritten(desk, monkeypatch):
    from whichstep_store import ledger_approvals

    desk.create(request(), expires_in=HOUR)
    stale = dataclasses.replace(desk.find("a"), version=7)
    monkeypatch.setattr(ledger_approvals, "_find", lambda *_: stale)
    with pytest.raises(ChangeRefused, match="stale"):
        desk.decide("a", Verdict("ann", "approve"), asked())


def test_pages_cover_everything_once(desk):
    for number in range(25):
        desk.create(request(f"{number:02}", action=f"act{number % 2}"), expires_in=HOUR)
    for filters in ({}, {"state": "pending"}, {"action": "act1"}):
        found, after = [], None
        while True:
            page = desk.page(filters, limit=4, after=after)
            found += [approval.approval_id for approval in page.approvals]
            after = page.next
            if after is None:
                break
        assert len(found) == len(set(found)) == page.total
    assert desk.page({}, limit=4, after=Cursor(0, "")).approvals == []


class Machine(RuleBasedStateMachine):
    """Any order of any events, restarts and clock changes included, against what the words of the rules say."""

    ids = Bundle("ids")

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.now = NOON
        self.open()
        self.numbers = itertools.count()
        self.ended = {}
        self.ran = {}
        self.deciders = {}

    def open(self):
        self.ledger = Ledger(self.folder / "ledger.sqlite", clock=lambda: self.now)
        self.desk = self.ledger.approvals

    def teardown(self):
        if hasattr(self, "ledger"):
            self.ledger.close()
            shutil.rmtree(self.folder)

    @rule(target=ids, hours=st.integers(1, 3), granted=st.booleans(), requester=st.sampled_from([None, "ann"]))
    def create(self, hours, granted, requester):
        name = str(next(self.numbers))
        made = self.desk.create(request(name, requester=requester), expires_in=hours * HOUR, granted=granted)
        assert made.created
        assert made.approval.state == ("approved" if granted else "pending")
        return name

    @rule(name=ids)
    def create_again(self, name):
        before = self.desk.find(name)
        again = self.desk.create(dataclasses.replace(request(name), requester=before.requester), expires_in=HOUR)
        assert not again.created
        assert again.approval == before
        with pytest.raises(ChangeRefused, match="other_content"):
            self.desk.create(request(name, digest="e" * 64), expires_in=HOUR)

    @rule(
        name=ids,
        who=st.sampled_from(["ann", "bob", "cem"]),
        decision=st.sampled_from(rules.DECISIONS),
        quorum=st.integers(1, 2),
        reviewers=st.sampled_from([(), ("ann", "bob")]),
        own=st.booleans(),
        version=st.sampled_from([None, 0, 1]),
    )
    def decide(self, name, who, decision, quorum, reviewers, own, version):
        before = self.desk.find(name)
        edited = json.dumps({"n": quorum}) if decision == "edit" else None
        seen = None if version is None else before.version - version
        verdict = Verdict(who, decision, "why", edited, f"edited-{quorum}" if edited else None, seen)
        try:
            after = self.desk.decide(name, verdict, asked(quorum, reviewers, requester_may_review=own))
        except ChangeRefused:
            assert self.desk.find(name) == before
            return
        assert before.state == "pending"
        assert seen in (None, before.version)
        assert not reviewers or who in reviewers
        assert own or who != before.requester
        if after.state in rules.GRANTED:
            agreed = {vote.reviewer for vote in after.cast}
            assert len(agreed & set(reviewers or agreed)) >= quorum
            assert (after.state == "edited") == (after.edited_arguments is not None)
        elif after.state == "pending":
            assert quorum == 2
        else:
            assert (after.state, decision) == ("rejected", "reject")
        if after.state != "pending":
            assert name not in self.deciders
            self.deciders[name] = after.decided_by

    @rule(name=ids, digest=st.sampled_from([DIGEST, "edited-1", "edited-2"]), consumer=st.sampled_from([None, "x"]))
    def consume(self, name, digest, consumer):
        before = self.desk.find(name)
        try:
            self.desk.consume(name, digest, consumer=consumer)
        except ChangeRefused:
            assert self.desk.find(name) == before
            return
        if before.state == "consumed":
            assert consumer == before.consumer == "x"
            return
        assert before.state in rules.GRANTED
        assert digest == (before.edited_digest or DIGEST)
        assert name not in self.ran
        self.ran[name] = digest

    @rule(name=ids)
    def cancel(self, name):
        before = self.desk.find(name)
        try:
            assert self.desk.cancel(name).state == "cancelled"
        except ChangeRefused:
            assert before.state in {"rejected", "expired", "consumed"}

    @rule(name=ids)
    def tell_the_agent(self, name):
        before = self.desk.find(name)
        assert (self.desk.delivered(name).delivered_at is None) == (before.state == "pending")

    @rule(minutes=st.integers(-600, 90))
    def set_the_clock(self, minutes):
        self.now += minutes * 60 * SECOND

    @rule()
    def restart(self):
        self.ledger.close()
        self.open()

    @rule()
    def look_after(self):
        self.desk.expire_due()
        deadline = self.desk.next_deadline()
        assert deadline is None or deadline > self.desk.now() - SECOND

    @invariant()
    def what_ended_stays_as_it_ended(self):
        for row in self.ledger.changes("approvals", after=0) if hasattr(self, "ledger") else ():
            if row["state"] in {"rejected", "expired", "cancelled", "consumed"}:
                assert self.ended.setdefault(row["approval_id"], row["state"]) == row["state"]
            if row["state"] == "expired":
                assert row["decision"] != "reject"
            if row["approval_id"] in self.deciders:
                assert row["decided_by"] == self.deciders[row["approval_id"]]


Machine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRequests = Machine.TestCase
