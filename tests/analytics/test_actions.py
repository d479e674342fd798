"""Actions of executions compared with the sidecar's policy."""

import json

import polars as pl
import pytest
from frames import NOON, SECOND, agent, call, execution, failed, results, span, tool, trace
from hypothesis import given
from hypothesis import strategies as st

from whichstep.policy import Policy
from whichstep_analytics.job import result_version
from whichstep_analytics.jobs.actions import known_arguments
from whichstep_analytics.jobs.frames import schema_of
from whichstep_store.results import APPROVAL_FIELDS

POLICY = Policy.from_dict(
    {
        "default": "auto",
        "rule": [
            {"action": "refund", "when": "amount > 100", "risk_level": "approve"},
            {"action": "deploy", "environment": "prod", "risk_level": "block"},
        ],
        "actions": {"mail": "approve", "wipe": "block", "read": "log"},
    }
)


def refund(span_id, arguments, **columns):
    return tool(span_id, name="refund", arguments=arguments, arguments_digest=f"{span_id:032x}", **columns)


def approvals(*rows):
    """Requests as (id, action, used), settled two seconds after noon in a state that fits."""
    filled = [(*row, "consumed" if row[2] else "rejected", NOON + 2 * SECOND) for row in rows]
    return asked(*filled)


def asked(*rows, **columns):
    """Requests as (id, action, used, state, settled), asked a second after noon in the first trace."""
    names = ("approval_id", "action", "used", "state", "settled_at")
    common = {"execution_id": trace(1), "requested_at": NOON + SECOND, **columns}
    schema = schema_of(APPROVAL_FIELDS)
    filled = [{**dict.fromkeys(schema), **common, **dict(zip(names, row, strict=True))} for row in rows]
    times = {name: pl.Int64 for name, kind in schema.items() if kind == pl.Datetime("ns")}
    return pl.DataFrame(filled, schema={**schema, **times}).cast(schema)


def judged(*rows, **given):
    found = results(*rows, policy=POLICY, **given).actions
    return [(row["action"], row["risk_level"], row["ran"], row["gated"]) for row in found.iter_rows(named=True)]


def counted(*rows, **given):
    found = execution(*rows, policy=POLICY, **given)
    return found["violated"], found["ungated_count"], found["action_count"]


def test_every_tool_call_is_compared_whoever_made_it():
    rows = [agent(), tool(2, name="look"), tool(3, name="read", dialect="openinference"), tool(4, name="mail")]
    assert judged(*rows) == [
        ("look", "auto", True, False),
        ("read", "log", True, False),
        ("mail", "approve", True, False),
    ]
    assert counted(*rows) == (False, 1, 3)


def test_conditions_are_judged_by_the_recorded_arguments():
    rows = [agent(), refund(2, '{"amount": 250}'), refund(3, '{"amount": 50}'), refund(4, '{"amount": "250"}')]
    assert [level for _, level, _, _ in judged(*rows)] == ["approve", "auto", "approve"]


def test_arguments_that_are_not_known_leave_the_risk_unknown_and_the_execution_uncounted():
    cut = '{"amount": 250, "reason": "' + "x" * 1000
    rows = [agent(), refund(2, cut), refund(3, '{"reason": "' + "x" * 1000), refund(4, None)]
    assert [level for _, level, _, _ in judged(*rows)] == ["approve", None, None]
    assert counted(*rows) == (False, None, None)
    assert counted(agent(), refund(2, cut)) == (False, 1, 1)


def test_an_attempt_at_a_blocked_action_violates_whether_it_ran_or_not():
    assert counted(agent(), tool(2, name="wipe")) == (True, 1, 1)
    assert counted(agent(), failed(tool(2, name="wipe"), error_type="ActionBlocked")) == (True, 0, 1)
    assert counted(agent(), tool(2, name="deploy", environment="prod")) == (True, 1, 1)
    assert counted(agent(), tool(2, name="deploy", environment="dev")) == (False, 0, 1)


def test_an_action_is_gated_by_a_decision_that_was_used_for_it_once():
    requests = approvals(("a1", "mail", True), ("a2", "mail", False), ("a3", "other", True))
    rows = [
        agent(),
        tool(2, name="mail", approval_id="a1"),
        tool(3, name="mail", approval_id="a1"),
        tool(4, name="mail", approval_id="a2"),
        tool(5, name="mail", approval_id="a3"),
    ]
    assert [gated for _, _, _, gated in judged(*rows, approvals=requests)] == [True, False, False, False]
    assert counted(*rows, approvals=requests) == (False, 3, 4)


def test_a_frameworks_tool_that_runs_a_gated_function_is_the_same_action():
    rows = [agent(), tool(2, name="mail"), tool(3, 2, name="mail", approval_id="a1", dialect="whichstep")]
    used = approvals(("a1", "mail", True))
    assert [gated for _, _, _, gated in judged(*rows, approvals=used)] == [True, True]


def test_what_was_asked_for_and_never_ran_is_an_action_that_did_not_run():
    refused = failed(span(2, 1, type="approval", step_name="mail", approval_id="a1"), error_type="ApprovalRejected")
    assert judged(agent(), refused) == [("mail", "approve", False, False)]
    went_on = [
        agent(),
        span(2, 1, type="approval", step_name="mail", approval_id="a1"),
        tool(4, name="mail", approval_id="a1"),
    ]
    assert judged(*went_on, approvals=approvals(("a1", "mail", True))) == [("mail", "approve", True, True)]


STATES = pytest.mark.parametrize(
    ("state", "status"),
    [
        ("pending", "pending_approval"),
        ("consumed", "ok"),
        ("rejected", "rejected"),
        ("expired", "expired"),
        ("cancelled", "cancelled"),
    ],
)


@STATES
def test_a_request_that_no_span_tells_of_is_a_step_that_waits(state, status):
    settled = None if state == "pending" else NOON + 31 * SECOND
    requests = asked(("a1", "mail", state == "consumed", state, settled), arguments='{"to":"b"}', asked_by="clerk")
    found = results(agent(), call(2), approvals=requests)
    step = found.steps.filter(pl.col("type") == "approval").row(0, named=True)
    execution = found.executions.row(0, named=True)
    assert (step["name"], step["status"], step["agent"], step["parent_step_id"]) == ("mail", status, "clerk", 1)
    assert step["latency_ms"] == (None if state == "pending" else 30_000.0)
    assert (execution["status"] == "waiting") == (state == "pending")
    assert "derived" in step["flags"]


def test_the_step_of_a_request_is_where_the_request_says_and_what_arrives_later_takes_its_place():
    elsewhere = asked(("a1", "mail", False, "pending", None), step_id=3)
    rows = [agent(), tool(2, name="draft")]
    steps = results(*rows, approvals=elsewhere).steps
    assert steps.filter(pl.col("type") == "approval").select("step_id", "parent_step_id").rows() == [(3, 1)]
    assert results(*rows[::-1], approvals=elsewhere).steps.equals(steps)
    under = asked(("a1", "mail", False, "pending", None), step_id=2)
    steps = results(*rows, approvals=under).steps
    assert steps.filter(pl.col("type") == "approval")["parent_step_id"].to_list() == [2]
    sent = span(3, 1, at=1, took=-1, pending=True, type="approval", step_name="mail")
    steps = results(*rows, sent, approvals=elsewhere).steps
    assert steps.filter(pl.col("type") == "approval").select("step_id", "flags").rows() == [(3, [])]


def test_the_request_of_another_execution_is_no_step_of_this_one():
    other = asked(("a1", "mail", False, "pending", None), execution_id=trace(7))
    assert results(agent(), approvals=other).steps["type"].to_list() == ["agent"]


@STATES
@pytest.mark.parametrize("how", [{"took": -1, "pending": True}, {"took": 0.1, "control_flow": "approval"}])
def test_of_a_request_whose_agent_went_away_the_ledger_tells_what_became(state, status, how):
    waits = span(2, 1, at=1, type="approval", step_name="mail", approval_id="a1", **how)
    settled = None if state == "pending" else NOON + 31 * SECOND
    found = results(agent(), waits, approvals=asked(("a1", "mail", state == "consumed", state, settled)))
    step = found.steps.filter(pl.col("type") == "approval").row(0, named=True)
    execution = found.executions.row(0, named=True)
    assert (step["status"], step["latency_ms"]) == (status, None if state == "pending" else 30_000.0)
    assert (execution["status"] == "waiting") == (state == "pending")
    assert "guessed" not in step["flags"]


def test_a_request_whose_agent_saw_the_decision_ends_as_the_agent_says():
    seen = span(2, 1, at=1, took=5, type="approval", step_name="mail", approval_id="a1")
    found = results(agent(), seen, approvals=approvals(("a1", "mail", True)))
    assert found.steps.filter(pl.col("type") == "approval")["latency_ms"].to_list() == [5000.0]


def test_without_a_policy_nothing_is_compared_and_a_blocked_attempt_still_violates():
    rows = [agent(), failed(tool(2, name="wipe"), error_type="ActionBlocked")]
    found = results(*rows)
    assert found.actions.is_empty()
    assert found.executions.select("violated", "action_count", "ungated_count").row(0) == (True, None, None)
    assert execution(agent(), tool(2))["violated"] is None


def test_an_execution_under_the_agents_own_policy_is_known_not_to_violate_and_others_are_not():
    assert execution(agent(), tool(2, flags=["under_policy"]))["violated"] is False
    assert execution(agent(), tool(2))["violated"] is None


def test_another_policy_makes_every_stored_result_outdated():
    same = Policy.from_dict(json.loads(json.dumps(POLICY.form())))
    other = Policy.from_dict({"mail": "auto"})
    assert result_version(policy=POLICY) == result_version(policy=same)
    assert len({result_version(policy=policy) for policy in (None, POLICY, other)}) == 3


def test_the_order_of_the_spans_changes_nothing():
    rows = [
        agent(),
        call(2),
        refund(3, '{"amount": 250}'),
        tool(4, name="mail", approval_id="a1"),
        tool(5, name="wipe"),
    ]
    used = approvals(("a1", "mail", True))
    found = results(*rows, policy=POLICY, approvals=used).actions
    assert found.equals(results(*rows[::-1], policy=POLICY, approvals=used).actions)


@pytest.mark.parametrize("text", ["", "null", "[1]", '"x"', "{", "{'a': 1}", '{"a"', "\x00", "nonsense"])
def test_a_text_that_tells_no_member_tells_none(text):
    known = known_arguments(text)
    assert (known.arguments or {}, known.whole) == ({}, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.floats(0, 1), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_an_object_that_is_cut_anywhere_tells_members_that_it_has_and_no_others(members, where, separators):
    text = json.dumps(members, separators=separators)
    known = known_arguments(text[: int(len(text) * where)])
    assert (known.arguments or {}).items() <= members.items() if not known.whole else known.arguments == members
    assert known_arguments(text) == (members, True)


def sights(*rows):
    """Type, name and approval of the steps that are calls of `mail`, or wait for one."""
    found = results(*rows, approvals=approvals(("a1", "mail", True))).steps
    return found.filter(pl.col("name") == "mail").select("type", "approval_id").rows()


def asks_for(span_id, parent, **columns):
    """Our gate's own span: it only asks, and the run goes on elsewhere."""
    given = {"type": "approval", "step_name": "mail", "merge_key": "mail", "approval_id": "a1", "took": 0.1}
    return span(span_id, parent, control_flow="approval", **{**given, **columns})


def test_what_the_gate_writes_inside_of_a_frameworks_call_is_that_call():
    held = {"merge_key": "mail", "approval_id": "a1"}
    asked_before = span(4, 2, at=2, took=0.5, type="approval", step_name="mail", approval_id="a1")
    rows = [agent(), tool(2, name="mail", merge_key="mail"), asked_before, tool(3, 2, name="mail", **held)]
    assert sights(*rows) == [("approval", "a1"), ("tool_call", "a1")]


@pytest.mark.parametrize("says", [{"type": "approval", "control_flow": "interrupt"}, {"type": "tool_call"}])
def test_a_call_inside_of_which_approval_was_only_asked_for_stopped_there(says):
    outer = tool(2, name="mail", merge_key="mail", **says)
    assert sights(agent(), outer, asks_for(3, 2)) == [("approval", "a1")]


def test_an_approval_that_messages_tell_of_is_not_shown_beside_its_span():
    told = {"type": "approval", "tool": "mail", "control_flow": "approval", "synthetic": True, "took": -1}
    by_call = asks_for(3, 1, tool_call_id="c1")
    assert sights(agent(), by_call, span(4, 1, tool_call_id="c1", **told)) == [("approval", "a1")]
    alike = asks_for(3, 1, arguments_digest="a")
    assert sights(agent(), alike, span(4, 1, arguments_digest="a", **told)) == [("approval", "a1")]
    assert sights(agent(), alike, span(4, 1, arguments_digest="b", **told)) == [("approval", "a1"), ("approval", None)]
