"""The desk over real HTTP: what agents may ask, what reviewers may decide, and what neither can."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from running import running, wait_until
from whichstep.policy import Policy
from whichstep_collector.approvals.requests import digest

POLICY = Policy.from_dict(
    {
        "default": "approve",
        "rule": [
            {"action": "search_web", "risk_level": "auto"},
            {"action": "delete_*", "risk_level": "block", "id": "never-delete"},
            {"action": "wire", "risk_level": "block", "when": ["amount > 10000"], "id": "too-much"},
            {
                "action": "wire", "risk_level": "approve", "when": ["amount > 1000"], "id": "large",
                "reviewers": ["ann", "bob"], "quorum": 2,
            },
            {"action": "wire", "risk_level": "approve", "id": "small", "reviewers": ["ann", "bob", "cem"]},
            {"action": "legal_advice", "risk_level": "approve", "requester_may_review": False, "expires_in": "1h"},
        ],
    }
)  # fmt: skip
EMAIL = {"to": "x@example.com", "body": "hello"}


class Desk:
    """Agents and reviewers of one sidecar."""

    def __init__(self, started, http, tokens=None):
        self.started, self.http = started, http
        add = started.store.ledger.add_token
        self.tokens = tokens or {name: add(name, ["read", "review"]) for name in ("ann", "bob", "cem", "dora")}
        if not tokens:
            self.tokens["agent"] = add("agent", ["ingest"])
        wait_until(lambda: self.get("", "agent", limit=1).status_code == 200)  # tokens are looked up once a second

    def _headers(self, who):
        return {"authorization": f"Bearer {self.tokens[who]}"} if who else {}

    def get(self, path, who="agent", **parameters):
        return self.http.get(f"/api/v1/approvals{path}", params=parameters, headers=self._headers(who))

    def post(self, path, body, who):
        return self.http.post(f"/api/v1/approvals{path}", json=body, headers=self._headers(who))

    def ask(self, action="send_email", arguments=None, **further):
        answer = self.post(
            "", {"action": action, "arguments": EMAIL if arguments is None else arguments, **further}, "agent"
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def decide(self, approval_id, who, decision, **further):
        return self.post(f"/{approval_id}/decision", {"decision": decision, **further}, who)

    def consume(self, request, arguments=None, **further):
        body = {
            "arguments_digest": digest(arguments) if arguments is not None else request["arguments_digest"],
            **further,
        }
        return self.post(f"/{request['approval_id']}/consume", body, "agent")


@contextmanager
def opened(data_dir, policy, tokens=None):
    with (
        running(data_dir, policy=policy) as started,
        httpx.Client(base_url=started.http, trust_env=False, timeout=30) as http,
    ):
        yield Desk(started, http, tokens)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("desk"), POLICY) as found:
        yield found


def problem(response, status, *words):
    assert response.status_code == status, response.text
    document = response.json()
    for word in words:
        assert word in document["detail"], document
    return document


def test_a_request_is_answered_whole_and_waits_for_a_person(desk):
    request = desk.ask(
        execution_id="f" * 32, step_id="a" * 16, agent="writer", task="T-17", task_type="mail", release="R1",
        environment="prod", evidence=[{"source": "kb", "text": "why", "score": 0.9, "step_id": "b" * 16}],
        summary="Writes to a customer", requester="carl",
    )  # fmt: skip
    assert (request["state"], request["risk_level"], request["rule"]) == ("pending", "approve", "default")
    assert request["arguments"] == EMAIL
    assert request["arguments_digest"] == digest(EMAIL)
    assert request["evidence"][0]["score"] == 0.9
    assert (request["execution_id"], request["step_id"], request["task_id"]) == ("f" * 32, "a" * 16, "T-17")
    assert (request["requester"], request["created_by"]) == ("carl", "agent")
    assert request["policy_digest"] == POLICY.digest
    lasts = _seconds(request["expires_at"]) - _seconds(request["created_at"])
    assert lasts == pytest.approx(4 * 3600)
    assert desk.get(f"/{request['approval_id']}").json() == request


def test_without_words_a_request_says_who_asks_for_what(desk):
    assert desk.ask(agent="writer")["summary"] == "writer asks to run send_email"


def test_an_approval_is_used_once_and_only_for_what_was_approved(desk):
    request = desk.ask()
    one = f"/{request['approval_id']}"
    assert problem(desk.consume(request), 409, "nobody has decided")["conflict"] == "undecided"
    approved = desk.decide(request["approval_id"], "ann", "approve", reason="fine").json()
    assert (approved["state"], approved["decision"], approved["decided_by"]) == ("approved", "approve", "ann")
    assert approved["notes"] == approved["reason"] == "fine"
    assert problem(desk.consume(request, {**EMAIL, "to": "evil"}), 409)["conflict"] == "other_arguments"
    used = desk.consume(request)
    assert used.json()["state"] == "consumed"
    problem(desk.consume(request), 409, "used at")
    assert desk.get(one).json()["state"] == "consumed"


def test_whoever_consumed_and_lost_the_answer_gets_it_again(desk):
    request = desk.ask()
    desk.decide(request["approval_id"], "ann", "approve")
    assert desk.consume(request, consumer="run-1").status_code == 200
    assert desk.consume(request, consumer="run-1").status_code == 200
    problem(desk.consume(request, consumer="run-2"), 409)
    problem(desk.consume(request), 409)


def test_a_second_decision_is_told_who_decided_and_when(desk):
    request = desk.ask()
    first = desk.decide(request["approval_id"], "ann", "reject", notes="wrong person").json()
    again = problem(desk.decide(request["approval_id"], "bob", "approve"), 409, "ann", first["decided_at"])
    assert (again["state"], again["decided_by"], again["decided_at"]) == ("rejected", "ann", first["decided_at"])
    problem(desk.consume(request), 409, "rejected by ann")


def test_creation_is_idempotent_by_the_agents_id_and_other_content_is_refused(desk):
    request = desk.ask(approval_id="mine-1")
    again = desk.post("", {"approval_id": "mine-1", "action": "send_email", "arguments": EMAIL}, "agent")
    assert (again.status_code, again.json()) == (200, request)
    other = desk.post("", {"approval_id": "mine-1", "action": "send_email", "arguments": {}}, "agent")
    assert problem(other, 409)["conflict"] == "other_content"
    desk.decide("mine-1", "ann", "approve")
    later = desk.post("", {"approval_id": "mine-1", "action": "send_email", "arguments": EMAIL}, "agent")
    assert (later.status_code, later.json()["state"]) == (200, "approved")


def test_an_action_that_nobody_is_asked_for_is_approved_by_the_policy(desk):
    request = desk.ask("search_web")
    assert (request["state"], request["decided_by"], request["decision"]) == ("approved", "policy", "approve")
    assert desk.consume(request).status_code == 200


def test_a_blocked_action_is_refused_with_its_rule_whatever_the_agent_says(desk):
    blocked = desk.post("", {"action": "delete_all", "risk_level": "auto"}, "agent")
    assert problem(blocked, 403)["rule"] == "never-delete"


def test_an_agents_own_policy_can_ask_for_more_and_never_for_less(desk):
    assert desk.ask("search_web", risk_level="approve", rule="mine")["state"] == "pending"
    problem(desk.post("", {"action": "search_web", "risk_level": "block", "rule": "mine"}, "agent"), 403)
    assert desk.ask("send_email", risk_level="auto")["state"] == "pending"
    assert desk.ask("send_email", risk_level="approve", quorum=3, reviewers=["ann"])["quorum"] == 3
    assert _lasts(desk.ask("legal_advice", expires_in_seconds=86_400)) == pytest.approx(3600)
    assert _lasts(desk.ask("legal_advice", expires_in_seconds=60)) == pytest.approx(60)


def test_an_ingest_token_can_never_decide_and_nobody_decides_without_a_token(desk):
    request = desk.ask()
    problem(desk.decide(request["approval_id"], "agent", "approve"), 403)
    assert desk.decide(request["approval_id"], None, "approve").status_code == 401
    assert desk.get(f"/{request['approval_id']}").json()["state"] == "pending"
    with pytest.raises(ValueError, match="both"):
        desk.started.store.ledger.add_token("twofold", ["ingest", "review"])


def test_a_reviewers_token_cannot_ask_or_consume(desk):
    problem(desk.post("", {"action": "send_email"}, "ann"), 403)
    request = desk.ask()
    problem(desk.post(f"/{request['approval_id']}/consume", {"arguments_digest": "0" * 64}, "ann"), 403)


def test_the_reviewer_is_the_tokens_owner_and_never_named_by_the_body(desk):
    request = desk.ask()
    refused = desk.post(f"/{request['approval_id']}/decision", {"decision": "approve", "decided_by": "the boss"}, "ann")
    problem(refused, 400, "decided_by")


def test_only_the_reviewers_of_the_rule_decide(desk):
    request = desk.ask("wire", {"amount": 10})
    problem(desk.decide(request["approval_id"], "dora", "approve"), 403, "ann, bob, cem")
    assert desk.decide(request["approval_id"], "cem", "approve").status_code == 200


def test_several_reviewers_have_to_agree_where_the_rule_wants_it(desk):
    request = desk.ask("wire", {"amount": 5000})
    one = desk.decide(request["approval_id"], "ann", "approve").json()
    assert (one["state"], [vote["reviewer"] for vote in one["votes"]]) == ("pending", ["ann"])
    assert problem(desk.decide(request["approval_id"], "ann", "approve"), 409)["conflict"] == "voted"
    two = desk.decide(request["approval_id"], "bob", "approve").json()
    assert (two["state"], two["decided_by"]) == ("approved", "ann, bob")


def test_one_rejection_is_enough(desk):
    request = desk.ask("wire", {"amount": 5000})
    desk.decide(request["approval_id"], "ann", "approve")
    assert desk.decide(request["approval_id"], "bob", "reject").json()["state"] == "rejected"


def test_who_asks_does_not_decide_where_the_rule_says_so(desk):
    request = desk.ask("legal_advice", requester="ann")
    problem(desk.decide(request["approval_id"], "ann", "approve"), 403, "who asks")
    assert desk.decide(request["approval_id"], "bob", "approve").status_code == 200


def test_an_edit_is_what_runs(desk):
    request = desk.ask()
    edited = desk.decide(request["approval_id"], "ann", "edit", arguments={**EMAIL, "body": "softer"}).json()
    assert (edited["state"], edited["decision"]) == ("edited", "edit")
    assert edited["edited_arguments"] == {**EMAIL, "body": "softer"}
    assert edited["arguments"] == EMAIL
    assert problem(desk.consume(request), 409)["conflict"] == "other_arguments"
    assert edited["edited_arguments_digest"] == digest(edited["edited_arguments"])
    assert desk.consume(request, edited["edited_arguments"]).json()["state"] == "consumed"


def test_an_edit_is_judged_by_the_policy_from_scratch(desk):
    request = desk.ask("wire", {"amount": 10})
    blocked = desk.decide(request["approval_id"], "ann", "edit", arguments={"amount": 20_000})
    assert problem(blocked, 403)["rule"] == "too-much"
    assert desk.get(f"/{request['approval_id']}").json()["state"] == "pending"
    problem(desk.decide(request["approval_id"], "cem", "edit", arguments={"amount": 2000}), 403, "ann, bob")
    waits = desk.decide(request["approval_id"], "ann", "edit", arguments={"amount": 2000}).json()
    assert (waits["state"], waits["rule"], waits["quorum"]) == ("pending", "large", 2)
    done = desk.decide(request["approval_id"], "bob", "approve").json()
    assert (done["state"], done["edited_arguments"]) == ("edited", {"amount": 2000})


def test_an_edit_that_changes_nothing_or_does_not_fit_the_schema_is_refused(desk):
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    request = desk.ask(arguments_schema=schema)
    problem(desk.decide(request["approval_id"], "ann", "edit", arguments=EMAIL), 400, "the same")
    problem(desk.decide(request["approval_id"], "ann", "edit", arguments={"to": 7}), 400, "arguments['to']")
    problem(desk.decide(request["approval_id"], "ann", "edit"), 400, "arguments")
    remote = desk.ask(arguments_schema={"$ref": f"{desk.started.http}/readyz"})
    assert desk.decide(remote["approval_id"], "ann", "edit", arguments={"to": "y"}).status_code == 200


def test_who_saw_an_older_version_has_to_look_again(desk):
    request = desk.ask("wire", {"amount": 5000})
    desk.decide(request["approval_id"], "ann", "edit", arguments={"amount": 6000})
    stale = desk.decide(request["approval_id"], "bob", "approve", version=request["version"])
    assert problem(stale, 409, "look at it again")["conflict"] == "stale"
    assert desk.decide(request["approval_id"], "bob", "approve", version=stale.json()["version"]).status_code == 200


def test_an_expired_request_is_expired_and_not_rejected(desk):
    request = desk.ask(expires_in_seconds=0.05)
    wait_until(lambda: desk.get(f"/{request['approval_id']}").json()["state"] == "expired")
    gone = problem(desk.decide(request["approval_id"], "ann", "approve"), 410, "expired at")
    assert (gone["state"], gone["decided_by"]) == ("expired", None)
    problem(desk.consume(request), 410)


def test_a_decision_wakes_the_agent_that_waits(desk):
    request = desk.ask()
    found = {}

    def wait():
        found["answer"] = desk.get(f"/{request['approval_id']}", wait=30).json()
        found["at"] = time.monotonic()

    waiter = threading.Thread(target=wait)
    waiter.start()
    wait_until(lambda: desk.started.sidecar._waiting.count() == 1)
    decided_at = time.monotonic()
    desk.decide(request["approval_id"], "ann", "approve")
    waiter.join(10)
    assert found["answer"]["state"] == "approved"
    assert found["at"] - decided_at < 5  # bench_approvals measures it; this says that it does not wait for 30 s


def test_waiting_ends_at_the_expiry_and_at_the_time_that_was_asked_for(desk):
    short = desk.ask(expires_in_seconds=0.3)
    began = time.monotonic()
    assert desk.get(f"/{short['approval_id']}", wait=30).json()["state"] == "expired"
    assert time.monotonic() - began < 10
    assert desk.get(f"/{desk.ask()['approval_id']}", wait="0.05s").json()["state"] == "pending"
    problem(desk.get(f"/{short['approval_id']}", wait="long"), 400, "wait")


def test_that_the_agent_learned_of_the_decision_is_noted_once(desk):
    request = desk.ask()
    one = f"/{request['approval_id']}"
    desk.decide(request["approval_id"], "ann", "approve")
    assert desk.get(one, "ann").json()["delivered_at"] is None
    first = desk.get(one).json()["delivered_at"]
    assert first is not None
    assert desk.get(one).json()["delivered_at"] == first


def test_an_agent_takes_its_request_back(desk):
    request = desk.ask()
    assert desk.post(f"/{request['approval_id']}/cancel", {}, "agent").json()["state"] == "cancelled"
    assert desk.post(f"/{request['approval_id']}/cancel", {}, "agent").status_code == 200
    problem(desk.decide(request["approval_id"], "ann", "approve"), 409, "cancelled")


def test_the_list_pages_through_what_matches_with_the_least_time_first(desk):
    made = [desk.ask("paged", {"n": n}, expires_in_seconds=1000 - n)["approval_id"] for n in range(5)]
    found, cursor = [], None
    while True:
        page = desk.get(
            "", "ann", state="pending", action="paged", limit=2, **({"cursor": cursor} if cursor else {})
        ).json()
        found += [item["approval_id"] for item in page["approvals"]]
        assert page["total"] == 5
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]
    problem(desk.get("", state="open"), 400, "pending")
    problem(desk.get("", cursor="?"), 400, "cursor")
    problem(desk.get("", color="red"), 400, "color")


def test_what_is_too_long_for_a_list_is_named_there_and_whole_on_its_own(desk):
    long = {"text": "x" * 200_000}
    request = desk.ask("long", long)
    (item,) = desk.get("", action="long").json()["approvals"]
    assert (item["arguments"], item["omitted"]) == (None, ["arguments"])
    assert desk.get(f"/{request['approval_id']}").json()["arguments"] == long


def test_secrets_are_taken_out_before_anybody_sees_them(desk):
    request = desk.ask("call", {"api_key": "sk-live-0123456789abcdef", "note": "fine"})
    assert "sk-live" not in desk.get(f"/{request['approval_id']}").text
    assert request["arguments"]["note"] == "fine"
    assert request["arguments_digest"] == digest({"api_key": "sk-live-0123456789abcdef", "note": "fine"})


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "action"),
        ({"action": ""}, "action"),
        ({"action": "a", "arguments": [1]}, "arguments"),
        ({"action": "a", "approval_id": "a/b"}, "approval_id"),
        ({"action": "a", "step_id": "xyz"}, "step_id"),
        ({"action": "a", "evidence": ["text"]}, "evidence"),
        ({"action": "a", "evidence": [{"text": "t", "score": True}]}, "score"),
        ({"action": "a", "expires_in_seconds": -1}, "expires_in_seconds"),
        ({"action": "a", "risk_level": "high"}, "auto"),
        ({"action": "a", "quorum": 0}, "quorum"),
        ({"action": "a", "state": "approved"}, "state"),
        ({"action": "a" * 201}, "action"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_in_words(desk, body, word):
    problem(desk.post("", body, "agent"), 400, word)


def test_what_is_not_there_is_404(desk):
    for answer in (
        desk.get("/none"),
        desk.decide("none", "ann", "approve"),
        desk.consume({"approval_id": "none", "arguments_digest": "0" * 64}),
    ):
        problem(answer, 404, "no such request")


def test_requests_show_in_the_view(desk):
    request = desk.ask("viewed")

    def seen():
        rows = desk.started.store.reader.sql("select state, action, quorum from approvals where action = 'viewed'")
        return rows.to_pylist() == [{"state": "approved", "action": "viewed", "quorum": 1}]

    desk.decide(request["approval_id"], "ann", "approve")
    wait_until(seen)


def test_a_policy_that_got_stricter_is_asked_again_before_the_action_runs(tmp_path):
    with opened(tmp_path, Policy.from_dict({"send_email": "approve"})) as desk:
        request = desk.ask(approval_id="a-1")
        desk.decide("a-1", "ann", "approve")
    stricter = Policy.from_dict({"rule": [{"action": "send_email", "risk_level": "approve", "quorum": 2}]})
    for policy, status in ((stricter, 409), (Policy.from_dict({"send_email": "block"}), 403)):
        with opened(tmp_path, policy, desk.tokens) as again:
            problem(again.consume(request), status)
    with opened(tmp_path, Policy.from_dict({"send_email": "approve", "another": "auto"}), desk.tokens) as again:
        assert again.consume(request).status_code == 200


def _seconds(text):
    from whichstep_store.filters import parse_time

    return parse_time(text, now=0) / 1e9


def _lasts(request):
    return _seconds(request["expires_at"]) - _seconds(request["created_at"])
