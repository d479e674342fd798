"""The gate before actions: what runs, what waits, what never runs; sync, async, streams, threads."""

import asyncio
import threading
import time

import pytest
from approval_desk import Desk

import whichstep
from whichstep.approval import connection, state
from whichstep.policy import Policy
from whichstep.testing import capture
from whichstep.workflow import step_allowed

POLICY = {"search": "auto", "read_file": "log", "send_email": "approve", "delete_all": "block"}


@pytest.fixture
def desk():
    running = Desk()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _no_policy_after():
    yield
    state.forget_policy()
    connection._connection = None


@pytest.fixture
def spans(desk):
    with capture(traces_url=desk.endpoint + "/v1/traces", service="support") as captured:
        yield captured


def gated(policy=POLICY):
    state.use_policy(policy)


def attributes(span):
    return {key.removeprefix("whichstep."): value for key, value in span["attributes"].items()}


def tool(name, ran):
    @whichstep.tool(name)
    def function(to, body="hello", *rest, loud=False, **more):
        ran.append((to, body, rest, loud, more))
        return f"sent to {to}"

    return function


def test_auto_runs_and_the_step_says_which_rule_let_it(spans, desk):
    gated()
    ran = []
    assert tool("search", ran)("a") == "sent to a"
    found = attributes(spans.one("search"))
    assert (found["action"], found["action.risk_level"], found["action.rule"]) == ("search", "auto", "search")
    assert found["policy.digest"] == Policy.from_dict(POLICY).digest
    assert ran == [("a", "hello", (), False, {})]
    assert not desk.bodies


def test_log_runs_and_is_marked(spans):
    gated()
    tool("read_file", [])("a")
    assert attributes(spans.one("read_file"))["action.risk_level"] == "log"


def test_block_never_runs_and_the_attempt_is_a_step(spans, desk):
    gated()
    ran = []
    with pytest.raises(whichstep.ActionBlocked, match="delete_all is blocked by the policy"):
        tool("delete_all", ran)("a")
    assert not ran
    span = spans.one("delete_all")
    assert span["attributes"]["error.type"].endswith("ActionBlocked")
    assert attributes(span)["action.risk_level"] == "block"
    assert '"to":"a"' in span["attributes"]["gen_ai.tool.call.arguments"]
    assert not desk.bodies


def test_approved_runs_once_with_the_arguments_as_they_were(spans, desk):
    gated()
    ran, opaque = [], object()
    desk.when_asked("approve")
    assert tool("send_email", ran)("a", opaque, 1, 2, loud=True, cc="b") == "sent to a"
    assert ran == [("a", opaque, (1, 2), True, {"cc": "b"})]
    (body,) = desk.bodies
    assert body["arguments"]["to"] == "a"
    assert body["agent"] == "support"
    assert desk.requests[body["approval_id"]]["state"] == "consumed"
    approval, action = spans.spans
    assert (approval["type"], action["type"]) == ("approval", "tool_call")
    assert attributes(approval)["approval.id"] == attributes(action)["approval.id"] == body["approval_id"]
    assert approval["span_id"] == body["step_id"]
    assert approval["ended_at"] <= action["started_at"]
    assert [span["name"] for span in spans.start_records] == ["approval send_email"]


def test_edited_runs_with_what_the_person_wrote_and_keeps_what_was_left(spans, desk):
    gated()
    ran, opaque = [], object()
    desk.when_asked("edit", edited={"to": "b", "body": str(opaque), "rest": [7], "loud": True})
    tool("send_email", ran)("a", opaque, 1)
    assert ran == [("b", opaque, (7,), True, {})]
    assert '"to":"b"' in spans.one("execute_tool send_email")["attributes"]["gen_ai.tool.call.arguments"]


def test_an_edit_keeps_what_the_sidecar_showed_without_its_secret(spans, desk):
    gated()
    ran = []

    def edit():
        (request,) = desk.pending()
        shown = {**request["arguments"], "body": "code [redacted]"}  # by a pattern of the sidecar's alone
        request["arguments"] = shown
        desk.decide(request["approval_id"], "edit", edited={**shown, "to": "b"})

    reviewer = threading.Thread(target=edit)
    reviewer.start()
    tool("send_email", ran)("a", "code 4711")
    reviewer.join()
    assert [(to, body) for to, body, *_ in ran] == [("b", "code 4711")]


def test_an_edit_that_the_policy_blocks_does_not_run(spans, desk):
    gated(
        {
            "rule": [
                {"action": "send_email", "when": "to matches '*@evil.org'", "risk_level": "block"},
                {"action": "send_email", "risk_level": "approve"},
            ]
        }
    )
    ran = []
    desk.when_asked("edit", edited={"to": "x@evil.org"})
    with pytest.raises(whichstep.ActionBlocked, match="may not run as it was decided"):
        tool("send_email", ran)("a@b.c")
    assert not ran


def test_rejected_does_not_run_and_says_who_and_why(spans, desk):
    gated()
    ran = []
    desk.when_asked("reject", notes="not this customer")
    with pytest.raises(whichstep.ApprovalRejected, match=r"rejected by ann: not this customer; it did not run"):
        tool("send_email", ran)("a")
    assert not ran
    (span,) = spans.spans
    assert (span["type"], span["attributes"]["error.type"].rpartition(".")[2]) == ("approval", "ApprovalRejected")


def test_expired_is_not_rejected(spans, desk):
    gated()
    desk.when_asked("expire")
    with pytest.raises(whichstep.ApprovalExpired, match="nobody decided"):
        tool("send_email", [])("a")


def test_without_a_sidecar_what_needs_approval_never_runs_and_the_rest_goes_on(desk, monkeypatch):
    monkeypatch.setattr("whichstep.approval.request.PAUSES_SECONDS", (0.01,))
    desk.stop()
    with capture(traces_url=desk.endpoint + "/v1/traces") as captured:
        gated()
        ran = []
        with pytest.raises(whichstep.ApprovalUnavailable, match="whichstep up"):
            tool("send_email", ran)("a")
        assert not ran
        assert tool("search", ran)("a")
        assert captured.one("approval send_email")["attributes"]["error.type"].endswith("ApprovalUnavailable")


def test_a_sidecar_that_goes_away_while_a_request_waits_is_waited_for(spans, desk, monkeypatch):
    monkeypatch.setattr("whichstep.approval.request.AWAY_PAUSE_SECONDS", 0.02)
    gated()
    ran = []

    def restart():
        (item,) = desk.pending()
        desk.away = True
        time.sleep(0.3)
        desk.away = False
        desk.decide(item["approval_id"], "approve")

    threading.Thread(target=restart, daemon=True).start()
    tool("send_email", ran)("a")
    assert len(ran) == 1


def test_a_lost_answer_to_the_use_of_a_decision_is_asked_for_again_and_the_action_runs_once(spans, desk, monkeypatch):
    monkeypatch.setattr("whichstep.approval.request.PAUSES_SECONDS", (0.01,))
    gated()
    ran = []
    desk.lose_consume_answers = 1
    desk.when_asked("approve")
    tool("send_email", ran)("a")
    assert len(ran) == 1


def test_where_no_answer_to_the_use_of_a_decision_comes_the_action_never_runs(spans, desk, monkeypatch):
    monkeypatch.setattr("whichstep.approval.request.PAUSES_SECONDS", (0.01,))
    gated()
    ran = []
    desk.lose_consume_answers = 2
    desk.when_asked("approve")
    with pytest.raises(whichstep.ApprovalUnavailable, match="no answer from"):
        tool("send_email", ran)("a")
    assert not ran


def test_the_sidecars_policy_makes_it_stricter_and_never_laxer(spans, desk):
    desk.policy = Policy.from_dict({"search": "block", "send_email": "auto", "delete_all": "auto"}, default="auto")
    gated()
    with pytest.raises(whichstep.ActionBlocked):
        tool("search", [])("a")
    with pytest.raises(whichstep.ActionBlocked):
        tool("delete_all", [])("a")
    desk.when_asked("approve")
    tool("send_email", [])("a")
    assert len(desk.bodies) == 1


def test_the_sidecars_policy_is_asked_for_once_and_refreshed_beside_the_actions(spans, desk, monkeypatch):
    gated()
    search = tool("search", [])
    for _ in range(5):
        search("a")
    assert desk.calls.count(("GET", "/api/v1/policy")) == 1
    monkeypatch.setattr("whichstep.approval.authority.REFRESH_SECONDS", 0.0)
    desk.policy = Policy.from_dict({"search": "block"})
    with pytest.raises(whichstep.ActionBlocked):
        search_for(5, search)


def search_for(seconds, search):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        search("a")


def test_an_action_is_held_without_a_policy_of_the_process(spans, desk):
    desk.policy = Policy.from_dict({"send": "auto"})
    ran = []

    @whichstep.action
    def send(to):
        ran.append(to)

    @whichstep.action("wipe", summary=lambda given: f"wipe {given['what']}", evidence=["a note"], expires_in="30m")
    def wipe(what):
        ran.append(what)

    send("a")
    desk.when_asked("approve")
    wipe("disk")
    assert ran == ["a", "disk"]
    (body,) = desk.bodies
    assert (body["summary"], body["expires_in_seconds"]) == ("wipe disk", 1800.0)
    assert body["evidence"] == [{"source": "given", "text": "a note", "score": None, "step_id": None}]
    assert body["arguments_schema"]["required"] == ["what"]


def test_a_tool_is_not_held_where_no_policy_is_set(spans, desk):
    assert tool("delete_all", [])("a") == "sent to a"
    assert not desk.calls


async def test_async_tools_wait_without_blocking_the_loop(spans, desk):
    gated()
    beats = []

    @whichstep.tool("send_email")
    async def send(to):
        return f"sent to {to}"

    async def beat():
        while True:
            beats.append(1)
            await asyncio.sleep(0.01)

    beating = asyncio.create_task(beat())
    waiting = [asyncio.create_task(send(str(n))) for n in range(20)]
    pending = await asyncio.to_thread(desk.pending, 20)
    before = len(beats)
    await asyncio.sleep(0.1)
    assert len(beats) > before
    for item in pending:
        desk.decide(item["approval_id"], "approve")
    assert sorted(await asyncio.gather(*waiting)) == sorted(f"sent to {n}" for n in range(20))
    beating.cancel()


async def test_a_cancelled_task_withdraws_its_request(spans, desk):
    gated()
    ran = []

    @whichstep.tool("send_email")
    async def send(to):
        ran.append(to)

    task = asyncio.create_task(send("a"))
    (item,) = await asyncio.to_thread(desk.pending)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(200):
        if item["state"] == "cancelled":
            break
        await asyncio.sleep(0.02)
    assert item["state"] == "cancelled"
    assert not ran


def test_a_stream_is_held_before_its_first_item(spans, desk):
    gated()

    @whichstep.tool("send_email")
    def send(to):
        yield f"to {to}"
        yield "done"

    stream = send("a")
    assert not desk.bodies
    desk.when_asked("edit", edited={"to": "b"})
    assert list(stream) == ["to b", "done"]


async def test_an_async_stream_is_held_before_its_first_item(spans, desk):
    gated()

    @whichstep.tool("delete_all")
    async def wipe(what):
        yield what

    @whichstep.tool("send_email")
    async def send(to):
        yield to

    with pytest.raises(whichstep.ActionBlocked):
        async for _ in wipe("a"):
            pass
    desk.when_asked("approve")
    assert [item async for item in send("a")] == ["a"]


def test_threads_wait_side_by_side(spans, desk):
    gated()
    ran, refused = [], []
    send = tool("send_email", ran)

    def run(to):
        try:
            send(to)
        except whichstep.ApprovalRejected:
            refused.append(to)

    threads = [threading.Thread(target=run, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for item in desk.pending(8):
        desk.decide(item["approval_id"], "approve" if int(item["arguments"]["to"]) % 2 else "reject")
    for thread in threads:
        thread.join(10)
    assert sorted(given[0] for given in ran) == ["1", "3", "5", "7"]
    assert sorted(refused) == ["0", "2", "4", "6"]


def test_a_method_keeps_its_self_when_arguments_are_edited(spans, desk):
    gated()

    class Mailer:
        @whichstep.tool("send_email")
        def send(self, to, /, *, body):
            return self, to, body

    mailer = Mailer()
    desk.when_asked("edit", edited={"to": "b", "body": "y"})
    assert mailer.send("a", body="x") == (mailer, "b", "y")


def test_a_block_is_held_too(spans, desk):
    gated()
    with pytest.raises(whichstep.ActionBlocked), whichstep.tool("delete_all", arguments={"what": "all"}):
        raise AssertionError("the block ran")
    desk.when_asked("edit", edited={"to": "b"})
    with (
        pytest.raises(whichstep.ApprovalRejected, match=r"call\.arguments"),
        whichstep.tool("send_email", arguments={"to": "a"}),
    ):
        raise AssertionError("the block ran")
    desk.when_asked("edit", edited={"to": "b"})
    with whichstep.action("send_email", arguments={"to": "a"}) as call:
        assert call.arguments == {"to": "b"}


def test_raise_tells_the_same_request_until_it_is_decided_and_used(spans, desk):
    ran = []

    @whichstep.action("send_email", on_approval="raise")
    def send(to):
        ran.append(to)

    with whichstep.task("mail"):
        with pytest.raises(whichstep.ApprovalPending) as first:
            send("a")
        with pytest.raises(whichstep.ApprovalPending) as second:
            send("a")
        assert first.value.approval_id == second.value.approval_id
        desk.decide(first.value.approval_id, "approve")
        send("a")
        assert ran == ["a"]
        with pytest.raises(whichstep.ApprovalPending) as third:
            send("a")
        assert third.value.approval_id != first.value.approval_id


def test_evidence_is_the_best_of_what_the_execution_retrieved(spans, desk):
    gated()
    with whichstep.task("refund", id="T-1", user="u-9"):
        with whichstep.retrieval("policy", name="kb") as step:
            step.sources([{"id": f"d{n}", "score": n / 10, "content": f"text {n} <b>"} for n in range(5)])
        with whichstep.tool("search", arguments={}) as call:
            call.result({"order": "A-17"})
        desk.when_asked("approve")
        tool("send_email", [])("a")
    (body,) = desk.bodies
    assert [(piece["source"], piece["score"], piece["text"]) for piece in body["evidence"]] == [
        ("d4", 0.4, "text 4 <b>"),
        ("d3", 0.3, "text 3 <b>"),
        ("d2", 0.2, "text 2 <b>"),
    ]
    assert body["evidence"][0]["step_id"] == spans.one("kb")["span_id"]
    assert (body["task_type"], body["task"], body["requester"]) == ("refund", "T-1", "u-9")
    assert body["execution_id"] == spans.one("refund")["attributes"]["whichstep.execution.id"]
    assert body["summary"].startswith("support wants to run send_email (to: a, body: hello")


def test_results_of_tools_are_evidence_where_nothing_was_scored(spans, desk):
    gated()
    with whichstep.task("refund"):
        for n in range(4):
            with whichstep.tool("search", arguments={}) as call:
                call.result(f"order {n}")
        desk.when_asked("approve")
        tool("send_email", [])("a")
    assert [piece["text"] for piece in desk.bodies[0]["evidence"]] == ["order 3", "order 2", "order 1"]


def test_what_is_sent_of_arguments_is_bounded_and_without_secrets_and_the_digest_is_over_all(spans, desk):
    gated()
    huge = "x" * 1_000_000
    desk.when_asked("approve")
    ran = []
    tool("send_email", ran)("a", huge, loud="sk-" + "a1" * 20, other=float("nan"), loop=loop())
    assert ran[0][1] is huge
    (body,) = desk.bodies
    assert len(str(body["arguments"])) < 70_000
    assert "REDACTED" in body["arguments"]["loud"]
    desk.when_asked("approve")
    tool("send_email", ran)("a", huge[:-1] + "y", loud="sk-" + "a1" * 20, other=float("nan"), loop=loop())
    one, other = desk.bodies
    assert one["arguments"]["body"] == other["arguments"]["body"]
    assert one["arguments_digest"] != other["arguments_digest"]


def loop():
    value = {}
    value["self"] = value
    return value


def test_an_output_is_approved_before_it_is_used(spans, desk):
    request = whichstep.request_approval("legal_advice", {"text": "draft"}, summary="advice", evidence=["§ 1"])
    assert request.state == "pending"
    with pytest.raises(whichstep.ApprovalPending):
        request.wait(timeout=0.05)
    desk.decide(request.approval_id, "edit", edited={"text": "better"})
    assert request.state == "edited"
    assert request.wait() == {"text": "better"}
    assert request.wait() == {"text": "better"}
    assert [path for method, path in desk.calls if path.endswith("consume")] == [
        f"/api/v1/approvals/{request.approval_id}/consume"
    ]
    assert spans.one("approval legal_advice")["attributes"]["whichstep.output"].startswith('{"decision":"edit"')


async def test_an_output_is_approved_in_a_coroutine(spans, desk):
    request = await whichstep.arequest_approval("legal_advice", {"text": "draft"})
    desk.decide(request.approval_id, "reject", notes="no")
    with pytest.raises(whichstep.ApprovalRejected):
        await request.wait()


def test_an_output_that_the_policy_decides_needs_no_person(spans, desk):
    gated({"blog": "auto", "legal_advice": "block"})
    request = whichstep.request_approval("blog", {"text": "x"})
    assert (request.state, request.approval_id, request.wait()) == ("approved", None, {"text": "x"})
    with pytest.raises(whichstep.ActionBlocked):
        whichstep.request_approval("legal_advice", {"text": "x"})
    assert not desk.bodies


def test_guarded_functions_and_objects_are_held_and_the_given_ones_are_not(spans, desk):
    ran = []

    def wipe(what):
        ran.append(what)

    class Tool:
        name = "wipe"

        def __init__(self):
            self.func = wipe

    recorded = whichstep.tool("wipe")(wipe)
    held = Policy.from_dict({"wipe": "block"}).guard([wipe, Tool(), recorded])
    for call in (held[0], held[1].func, held[2]):
        with pytest.raises(whichstep.ActionBlocked):
            call("a")
    assert not ran
    wipe("b")
    assert ran == ["b"]
    with pytest.raises(whichstep.ConfigurationError, match="no tool that can be guarded"):
        Policy.from_dict({}).guard([object()])


def test_a_tool_inside_a_guarded_one_is_asked_for_once(spans, desk):
    gated()
    ran = []
    (held,) = Policy.from_dict({"outer": "auto", "send_email": "approve"}).guard([tool("send_email", ran)])

    @whichstep.action("send_email")
    def outer(to):
        return tool("send_email", ran)(to)

    desk.when_asked("approve")
    outer("a")
    assert len(desk.bodies) == 1
    desk.when_asked("reject")
    with pytest.raises(whichstep.ApprovalRejected):
        held("a")


@pytest.mark.parametrize("given", [{"x": "maybe"}, "/nowhere/policy.toml"])
def test_a_policy_that_cannot_be_read_lets_nothing_run(given, desk):
    with capture(traces_url=desk.endpoint + "/v1/traces"):
        with pytest.raises(whichstep.ConfigurationError):
            whichstep.configure(endpoint=desk.endpoint, policy=given)
        ran = []
        with pytest.raises(whichstep.ConfigurationError):
            tool("search", ran)("a")
        assert not ran


def test_a_policy_that_the_environment_names_holds_the_tools_whatever_ran_before(tmp_path, desk):
    file = tmp_path / "policy.toml"
    file.write_text('[actions]\ndelete_all = "block"\n')
    with capture(traces_url=desk.endpoint + "/v1/traces"):
        tool("delete_all", [])("a")
        with capture(policy_file=file), pytest.raises(whichstep.ActionBlocked):
            tool("delete_all", [])("a")
        tool("delete_all", [])("a")


@pytest.mark.parametrize("given", [{"expires_in": "soon"}, {"on_approval": "ask"}])
def test_options_that_cannot_be_used_are_refused_where_the_action_is_written(given):
    with pytest.raises(whichstep.ConfigurationError):
        whichstep.action("send", **given)


def test_an_approval_that_was_given_opens_a_checkpoint_of_the_contract_and_one_only_asked_for_does_not(spans, desk):
    checked = whichstep.Workflow.from_dict(
        {"name": "refund", "level": 4, "steps": {}, "checkpoints": [{"before": "refund"}], "budgets": {"steps": 99}}
    )
    ran = []

    @whichstep.action("refund", on_approval="raise")
    def refund(amount):
        ran.append(amount)

    with checked.run():
        with pytest.raises(whichstep.ApprovalPending) as pending:
            refund(40)
        assert step_allowed("refund") is not None
    desk.decide(pending.value.approval_id, "reject")
    gated({"refund": "approve"})
    desk.when_asked("approve")
    with checked.run():
        whichstep.tool("refund")(ran.append)(41)
    assert ran == [41]


def test_what_frameworks_retrieved_is_evidence_too(spans, desk):
    gated()
    tracer = whichstep.tracer_provider().get_tracer("openinference.instrumentation.langchain")
    with whichstep.task("refund"):
        with tracer.start_as_current_span("retriever") as span:
            span.set_attribute("openinference.span.kind", "RETRIEVER")
            for n, score in enumerate((0.2, 0.9)):
                span.set_attribute(f"retrieval.documents.{n}.document.content", f"text {n}")
                span.set_attribute(f"retrieval.documents.{n}.document.score", score)
                span.set_attribute(f"retrieval.documents.{n}.document.id", f"d{n}")
        with tracer.start_as_current_span("tool") as span:
            span.set_attributes({"openinference.span.kind": "TOOL", "tool.name": "lookup", "output.value": "found"})
        desk.when_asked("approve")
        tool("send_email", [])("a")
    assert [(piece["source"], piece["text"], piece["score"]) for piece in desk.bodies[0]["evidence"]] == [
        ("d1", "text 1", 0.9),
        ("d0", "text 0", 0.2),
        ("lookup", "found", None),
    ]


def test_after_a_fork_the_child_asks_the_sidecar_itself(spans, desk):
    gated()
    tool("search", [])("a")
    known = connection.connection()
    connection.forget_after_fork()
    assert connection.connection() is not known
    tool("search", [])("a")
    assert desk.calls.count(("GET", "/api/v1/policy")) == 2
