"""From spans to steps."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from frames import NOON, SECOND, agent, call, failed, frame, results, span, steps, tool, trace
from hypothesis import given, settings
from hypothesis import strategies as st

from whichstep_analytics.jobs import steps as steps_job


def of(found: pl.DataFrame, step_id: int) -> dict[str, Any]:
    return found.row(by_predicate=pl.col("step_id") == step_id, named=True)


def test_plumbing_is_no_step_and_its_children_hang_under_the_step_above() -> None:
    found = steps(agent(), span(2, 1, type="none"), span(3, 2, type="none"), call(4, 3))
    assert found["step_id"].to_list() == [1, 4]
    assert of(found, 4)["parent_step_id"] == 1


def test_a_child_of_a_span_that_never_came_is_a_root() -> None:
    assert of(steps(call(2, 99)), 2)["parent_step_id"] is None


def test_spans_that_are_their_own_ancestors_are_cut_apart() -> None:
    found = steps(agent(), span(2, 3), span(3, 2), span(4, 4), span(5, 3))
    assert found.height == 5
    assert found.filter(pl.col("parent_step_id").is_not_null()).is_empty()


def test_positions_follow_index_then_start_and_put_parents_before_children() -> None:
    timed = steps(agent(1, at=5), call(3, at=5), call(2, at=7), agent(9, at=4))
    assert timed["step_id"].to_list() == [9, 1, 3, 2]
    indexed = steps(agent(), call(2, step_index=2), call(3, step_index=1))
    assert indexed["step_id"].to_list() == [1, 3, 2]
    assert indexed["position"].to_list() == [1, 2, 3]


def test_paths_are_names_from_the_root_and_the_agent_is_inherited() -> None:
    found = steps(agent(), span(2, 1, step_name="route"), tool(3, 2))
    assert of(found, 3)["path"] == "support/route/lookup"
    assert of(found, 3)["agent"] == "support"


def test_a_chain_of_ten_thousand_spans_keeps_its_paths_short() -> None:
    found = steps(agent(1, at=0), *(span(number, number - 1, at=number / 1000) for number in range(2, 10_001)))
    assert found["depth"].max() == 9_999
    assert found["path"].str.len_chars().max() <= 400


# merging doubles


def test_nested_spans_of_one_type_and_key_are_one_step() -> None:
    outer = tool(2, took=3, merge_key="lookup", result=None, tool_call_id=None, arguments=None, arguments_digest=None)
    inner = failed(tool(4, 3, at=2.5, merge_key="lookup", tool_call_id="c1", result="the whole answer"))
    found = steps(agent(), outer, span(3, 2, type="none"), inner)
    step = of(found, 2)
    assert found["step_id"].to_list() == [1, 2]
    assert step["span_ids"] == [2, 4]
    assert (step["status"], step["error_type"], step["error_message"]) == ("error", "ValueError", "boom")
    assert (step["result"], step["tool_call_id"], step["arguments"]) == ("the whole answer", "c1", "a")
    assert step["latency_ms"] == 3_000


@pytest.mark.parametrize("change", [{"merge_key": "other"}, {"merge_key": None}, {"type": "retrieval"}], ids=str)
def test_spans_of_another_key_or_type_stay_apart(change: dict[str, Any]) -> None:
    found = steps(agent(), tool(2, merge_key="lookup"), tool(3, 2, **{"merge_key": "lookup", **change}))
    assert found["step_id"].to_list() == [1, 2, 3]


def test_three_layers_of_one_call_are_one_step_with_the_innermost_tokens() -> None:
    layers = [call(number, number - 1, merge_key="m", input_tokens=number) for number in (2, 3, 4)]
    found = steps(agent(merge_key="m"), *layers)
    assert of(found, 2)["span_ids"] == [2, 3, 4]
    assert of(found, 2)["input_tokens"] == 4


# tokens and cost


def test_totals_above_a_model_call_are_not_its_tokens_again() -> None:
    found = steps(agent(input_tokens=500, output_tokens=50, reported_cost_usd=1.0), call(2))
    assert of(found, 1)["input_tokens"] is None
    assert of(found, 1)["cost_usd"] is None
    assert of(found, 2)["input_tokens"] == 100


def test_an_agents_total_is_kept_where_no_call_shows() -> None:
    assert of(steps(agent(input_tokens=500), tool(2)), 1)["input_tokens"] == 500


def test_an_agents_total_is_kept_where_its_calls_do_not_tell_theirs() -> None:
    found = steps(agent(input_tokens=500), call(2, input_tokens=None, output_tokens=None))
    assert of(found, 1)["input_tokens"] == 500
    assert found["counted_above"].to_list() == [False, True]
    partly = steps(agent(input_tokens=500), call(2, input_tokens=None, output_tokens=None), call(3))
    assert of(partly, 1)["input_tokens"] is None
    assert not partly["counted_above"].any()


def test_a_step_of_a_recorded_run_without_times_has_no_latency() -> None:
    recorded = steps(agent(), tool(2, took=0, step_index=1), tool(3, took=0))
    assert of(recorded, 2)["latency_ms"] is None
    assert of(recorded, 3)["latency_ms"] == 0


def test_the_steps_of_type_llm_call_are_the_model_calls_and_a_wrapper_of_some_is_a_workflow() -> None:
    wrapped = steps(agent(), call(2, took=9), call(3, 2), tool(4, 2), call(5, 2))
    assert wrapped.filter(type="llm_call")["step_id"].to_list() == [3, 5]
    assert of(wrapped, 2)["type"] == "workflow"
    assert of(wrapped, 2)["input_tokens"] is None
    nested = steps(agent(), call(2, took=9), tool(3, 2), call(4, 3))
    assert nested.filter(type="llm_call")["step_id"].to_list() == [2, 4]
    assert of(nested, 2)["input_tokens"] == 100


def test_a_reported_cost_is_preferred_and_marked() -> None:
    found = steps(agent(), call(2, reported_cost_usd=0.5), call(3))
    assert of(found, 2)["cost_usd"] == 0.5
    assert of(found, 2)["flags"] == ["reported_cost"]
    assert of(found, 3)["cost_usd"] == pytest.approx((100 * 0.15 + 10 * 0.6) / 1e6)


def test_no_price_no_tokens_or_no_usage_at_all_is_an_unknown_cost() -> None:
    found = steps(
        agent(), call(2, model="house"), call(3, output_tokens=None), call(4, input_tokens=0, output_tokens=0)
    )
    assert found["cost_usd"].to_list() == [None] * 4
    assert of(found, 4)["input_tokens"] is None


# status


def test_a_span_that_has_not_ended_runs_and_an_approval_waits() -> None:
    found = steps(agent(took=-1), call(2, took=-1), span(3, 1, type="approval", took=-1, pending=True))
    assert found["status"].to_list() == ["running", "running", "pending_approval"]
    assert found["latency_ms"].to_list() == [None] * 3


@pytest.mark.parametrize(
    ("error_type", "status"),
    [
        ("ActionBlocked", "blocked"),
        ("ApprovalRejected", "rejected"),
        ("ApprovalExpired", "expired"),
        ("ApprovalPending", "pending_approval"),
        ("KeyError", "error"),
        (None, "error"),
    ],
)
def test_errors_of_the_policy_have_their_own_status(error_type: str | None, status: str) -> None:
    assert of(steps(agent(), failed(tool(2), error_type=error_type)), 2)["status"] == status


def test_cancelled_is_no_error_and_a_start_that_was_not_sent_gives_no_latency() -> None:
    found = steps(agent(), tool(2, control_flow="cancelled"), tool(3, name="b", flags=["no_start"]))
    assert of(found, 2)["status"] == "cancelled"
    assert of(found, 3)["latency_ms"] is None


def test_a_clock_that_went_back_gives_no_latency() -> None:
    assert of(steps(agent(), {**tool(2), "ended_at": NOON}), 2)["latency_ms"] is None


# held actions

HELD = {"name": "refund", "control_flow": "interrupt", "took": 0.1}


def test_a_held_action_that_nobody_decided_waits_for_approval() -> None:
    step = of(steps(agent(took=5), call(2, asks="refund"), tool(3, **HELD)), 3)
    assert (step["type"], step["status"]) == ("approval", "pending_approval")
    assert step["requested_by"] == 2


def test_an_approved_action_is_an_approval_and_then_the_action_and_no_retry() -> None:
    found = steps(agent(), call(2), tool(3, **HELD), tool(4, at=20, name="refund", result='{"id": 1}'), call(5, at=22))
    assert (of(found, 3)["type"], of(found, 3)["status"]) == ("approval", "ok")
    assert of(found, 3)["latency_ms"] == 17_000
    assert (of(found, 4)["type"], of(found, 4)["status"], of(found, 4)["attempt"]) == ("tool_call", "ok", 1)


def test_a_run_that_only_reports_the_refusal_is_part_of_the_refused_step() -> None:
    found = steps(
        agent(), call(2), tool(3, **HELD), tool(4, at=20, name="refund", result="REJECTED by Kim"), call(5, at=22)
    )
    assert found["step_id"].to_list() == [1, 2, 3, 5]
    step = of(found, 3)
    assert (step["status"], step["span_ids"], step["flags"]) == ("rejected", [3, 4], ["guessed"])


@pytest.mark.parametrize(
    ("message", "result", "status"),
    [
        ("TOOL_ERROR", None, "rejected"),
        ("TOOL_ERROR", '{"error": "no such order"}', "ok"),
        ("TimeoutError", None, "ok"),
    ],
)
def test_a_held_action_that_then_returned_an_error_without_a_word_was_refused(message, result, status) -> None:
    then = failed(tool(4, at=20, name="refund", result=result), message)
    found = steps(agent(), call(2), tool(3, **HELD), then, call(5, at=22))
    assert of(found, 3)["status"] == status
    assert of(found, 3)["flags"] == (["guessed"] if status == "rejected" else [])


def test_the_word_rejected_in_an_action_that_was_never_held_means_nothing() -> None:
    assert of(steps(agent(), tool(2, result="order was rejected by the shop")), 2)["status"] == "ok"


def test_a_run_that_went_on_without_the_held_action_was_refused_as_far_as_can_be_told() -> None:
    step = of(steps(agent(), call(2), tool(3, **HELD), call(4, at=30)), 3)
    assert (step["status"], step["flags"]) == ("rejected", ["guessed"])


# attempts


def test_the_same_action_after_an_error_is_the_next_attempt_and_success_recovers_it() -> None:
    found = steps(agent(), failed(tool(2)), failed(tool(3)), tool(4), tool(5))
    assert found["attempt"].to_list() == [1, 1, 2, 3, 1]
    assert found["recovered"].to_list() == [False, True, True, False, False]


def test_corrected_arguments_recover_the_error_but_are_no_second_attempt() -> None:
    found = steps(agent(), failed(tool(2)), tool(3, arguments="b"))
    assert of(found, 2)["recovered"]
    assert of(found, 3)["attempt"] == 1
    assert of(found, 3)["corrected"]


def test_another_tool_or_a_call_that_ran_beside_it_recovers_nothing() -> None:
    found = steps(agent(), failed(tool(2, at=2, took=3)), tool(3, at=2, arguments="b"), tool(4, at=9, name="other"))
    assert not of(found, 2)["recovered"]


def test_a_later_answer_of_the_same_agent_recovers_a_failed_model_call() -> None:
    found = steps(agent(), failed(call(2, input_digest="x")), call(3, input_digest="x"))
    assert of(found, 2)["recovered"]
    assert of(found, 3)["attempt"] == 2


# who asked


def test_the_call_id_tells_who_asked_even_against_the_order_of_names() -> None:
    first = call(2, asked_tools=["lookup"], asked_call_ids=["c1"])
    second = call(3, asked_tools=["lookup"], asked_call_ids=["c2"])
    assert of(steps(agent(), first, second, tool(4, tool_call_id="c1")), 4)["requested_by"] == 2


def test_without_a_call_id_the_latest_call_before_that_named_the_tool_asked() -> None:
    found = steps(
        agent(), call(2, asks="lookup"), call(3, asks="other"), tool(4), call(5, asks="lookup"), tool(6, name="x")
    )
    assert of(found, 4)["requested_by"] == 2
    assert of(found, 6)["requested_by"] is None


# summaries


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (tool(2, output_summary="my own"), "my own"),
        (failed(tool(2)), "ValueError: boom"),
        (call(2, asks="lookup"), "asks for lookup"),
        (call(2, output="first\nsecond"), "first second"),
        (span(2, 1, type="retrieval", document_count=0), "0 documents"),
        (tool(2, result="x" * 1000), "x" * 160),
        (span(2, 1), None),
    ],
)
def test_a_step_is_summed_up_in_one_line(row: dict[str, Any], line: str | None) -> None:
    assert of(steps(agent(), row), 2)["output_summary"] == line


# order, copies, emptiness

STORY = [
    agent(),
    call(2, asks="lookup"),
    span(3, 1, type="none"),
    failed(tool(4, 3, merge_key="k")),
    tool(5, 4, merge_key="k"),
    tool(6),
    call(7, took=-1, pending=True),
    tool(8, **HELD),
    agent(9, trace_id=2, links_join=True, linked_trace_ids=[trace(1)]),
    call(10, 9, trace_id=2),
]


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(len(STORY))), copies=st.lists(st.integers(0, len(STORY) - 1), max_size=3))
def test_spans_in_another_order_or_twice_give_the_same_rows(order: list[int], copies: list[int]) -> None:
    shuffled = [STORY[index] for index in [*order, *copies]]
    expected, found = results(*STORY), results(*shuffled)
    assert found.mapping.equals(expected.mapping)
    assert found.steps.equals(expected.steps)
    assert found.executions.equals(expected.executions)


def test_of_two_rows_of_one_span_the_ended_one_counts_then_the_fuller_one() -> None:
    started, ended = call(2, took=-1, attribute_count=9), call(2, took=4, attribute_count=5)
    fuller = call(2, took=4, attribute_count=6, output="all of it")
    for rows in ((started, ended, fuller), (fuller, ended, started)):
        step = of(steps(agent(), *rows), 2)
        assert (step["status"], step["output"]) == ("ok", "all of it")


def test_no_spans_give_no_rows_of_the_declared_columns() -> None:
    nothing = frame(agent()).filter(pl.lit(value=False))
    placed = steps_job.place(
        nothing, pl.DataFrame(schema={"trace_id": pl.String, "execution_id": pl.String, "rule": pl.String})
    )
    assert placed.is_empty()
    found = results(agent(), *[]).steps
    marked = {"ungrounded": pl.String()}
    assert found.schema == pl.Schema({**steps_job.STEP_SCHEMA, **steps_job.WORKING_SCHEMA, **marked})


def test_two_executions_in_one_frame_do_not_mix() -> None:
    both = steps(agent(), failed(tool(2)), agent(11, trace_id=2), tool(12, 11, trace_id=2))
    assert not of(both, 2)["recovered"]
    assert both.group_by("execution_id").len()["len"].to_list() == [2, 2]
    assert SECOND == 10**9


def test_the_action_that_was_not_allowed_is_blocked_and_the_steps_that_its_error_left_failed():
    blocked = failed(tool(3, 2), "no", "WorkflowViolation")
    found = steps(failed(agent(1), "no", "WorkflowViolation"), failed(span(2, 1), "no", "WorkflowViolation"), blocked)
    assert found["status"].to_list() == ["error", "error", "blocked"]


def test_what_runs_below_a_handover_is_not_the_agents_that_handed_over() -> None:
    handed = span(2, 1, at=1, took=9, type="handoff", tool="ask", step_name="ask")
    rows = [agent(1, at=0), handed, call(3, 2, at=2), span(4, 2, at=3, took=5), call(5, 4, at=4), call(6, 1, at=20)]
    assert steps(*rows)["agent"].to_list() == ["support", "support", None, None, None, "support"]
    assert (
        steps(*rows, agent(7, 2, at=5, agent="refunds"), call(8, 7, at=6))["agent"].to_list()[-3:-1] == ["refunds"] * 2
    )
