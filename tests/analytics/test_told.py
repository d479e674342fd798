"""What messages tell of tools, handovers and approvals, beside what was sent as spans."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
from frames import agent, call, execution, failed, results, span, steps, tool, trace

ASKS = {"asked_tools": ["lookup"], "asked_call_ids": ["call_1a2b3c4d5e"]}
CALL_ID = "call_1a2b3c4d5e"


def told(span_id: int, parent: int, /, **columns: Any) -> dict[str, Any]:
    """A tool call that the messages of a model call tell of."""
    given = {"tool_call_id": CALL_ID, "result": "here", "took": 0, "synthetic": True, "step_name": "tool"}
    return tool(span_id, parent, **{**given, "tool": None, "arguments": None, "arguments_digest": None, **columns})


def event(span_id: int, parent: int, /, **columns: Any) -> dict[str, Any]:
    """A message of a model call that arrived by itself."""
    given = {"type": "llm_call", "synthetic": True, "merge_key": "llm_call", "took": 0, "step_name": "model call"}
    return span(span_id, parent, **{**given, **columns})


def shown(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    return steps(*rows).select("type", "name", "result", "status").rows()


def test_a_client_without_tool_spans_has_the_tools_that_its_messages_tell_of() -> None:
    found = steps(call(1, None, at=1, **ASKS), call(2, None, at=5), told(9, 2, at=5))
    assert found["type"].to_list() == ["llm_call", "tool_call", "llm_call"]
    row = found.row(1, named=True)
    assert (row["name"], row["result"], row["flags"], row["latency_ms"]) == ("lookup", "here", ["derived"], None)
    assert (row["requested_by"], row["parent_step_id"]) == (1, None)


def test_a_result_that_is_told_again_and_again_is_one_step() -> None:
    rows = [call(1, None, at=1, **ASKS)]
    for number in range(2, 5):
        rows += [call(number, None, at=5 * number), told(10 + number, number, at=5 * number)]
    assert steps(*rows)["type"].to_list() == ["llm_call", "tool_call", "llm_call", "llm_call", "llm_call"]


def test_a_tool_that_failed_by_its_own_words_is_an_error_of_low_confidence() -> None:
    wrong = failed(told(9, 2, at=5, error_guessed=True), "no answer", "TimeoutError")
    found = steps(call(1, None, at=1, **ASKS), call(2, None, at=5), wrong).row(1, named=True)
    assert (found["status"], found["error_type"], found["error_guessed"]) == ("error", "TimeoutError", True)


def test_a_tools_span_is_given_what_only_messages_tell() -> None:
    rows = [agent(1, at=0), call(2, 1, at=1, **ASKS), tool(3, 1, at=3, tool_call_id=CALL_ID), call(4, 1, at=5)]
    assert shown(*rows, told(9, 4, at=5))[2] == ("tool_call", "lookup", "here", "ok")
    assert steps(*rows, told(9, 4, at=5)).row(2, named=True)["span_ids"] == [3, 9]


def test_what_the_last_call_was_asked_with_is_known_though_nobody_was_told_its_result() -> None:
    rows = [agent(1, at=0), call(2, 1, at=1, **ASKS), tool(3, 1, at=3, tool_call_id=CALL_ID, arguments=None)]
    asked = told(9, 2, at=2, took=-1, arguments='{"id":7}', arguments_digest="d", result=None)
    found = steps(*rows, asked).row(2, named=True)
    assert (found["arguments"], found["result"], found["status"]) == ('{"id":7}', None, "ok")
    assert steps(*rows[:2], asked)["type"].to_list() == ["agent", "llm_call"]  # asked for is not yet called


def test_a_tools_span_that_has_a_result_keeps_it() -> None:
    rows = [
        agent(1, at=0), call(2, 1, at=1, **ASKS),
        tool(3, 1, at=3, tool_call_id=CALL_ID, result="there"), call(4, 1, at=5),
    ]  # fmt: skip
    assert shown(*rows, told(9, 4, at=5))[2] == ("tool_call", "lookup", "there", "ok")


def test_a_span_without_a_call_id_is_told_of_by_name_unless_two_answers_fit() -> None:
    rows = [agent(1, at=0), call(2, 1, at=1), tool(3, 1, at=3), call(4, 1, at=5)]
    answer = told(9, 4, at=5, tool="lookup", tool_call_id=None)
    assert [row[2] for row in shown(*rows, answer) if row[0] == "tool_call"] == ["here"]
    another = {**answer, "span_id": 10, "result": "there"}
    assert [row[2] for row in shown(*rows, answer, another) if row[0] == "tool_call"] == [None]


def test_where_tools_were_sent_nothing_told_of_another_name_is_shown() -> None:
    rows = [agent(1, at=0), call(2, 1, at=1, **ASKS), tool(3, 1, at=3, name="other"), call(4, 1, at=5)]
    assert [name for kind, name, _, _ in shown(*rows, told(9, 4, at=5)) if kind == "tool_call"] == ["other"]


def test_a_tool_that_the_provider_ran_is_shown_beside_those_that_were_sent() -> None:
    rows = [agent(1, at=0), call(2, 1, at=1), tool(3, 1, at=3)]
    hosted = told(9, 2, at=2, tool="web_search", step_name="web_search", tool_call_id="ws_1", flags=["derived"])
    assert [name for kind, name, _, _ in shown(*rows, hosted) if kind == "tool_call"] == ["web_search", "lookup"]


def test_events_are_part_of_their_call_before_it_after_it_or_without_it() -> None:
    first = event(20, 2, at=1, input='[{"role":"user"}]', user_message="hello")
    second = event(21, 2, at=1.1, input='[{"role":"tool"}]')
    answer = event(22, 2, at=1.9, output="done")
    whole = steps(call(2, None, at=1), first, second, answer)
    assert whole.select("type", "input", "output", "span_ids").rows() == [
        ("llm_call", '[{"role":"user"},{"role":"tool"}]', "done", [2, 20, 21, 22])
    ]
    alone = steps(first, second, answer)
    assert alone.select("type", "input", "output").rows() == [("llm_call", '[{"role":"user"},{"role":"tool"}]', "done")]


def test_of_a_conversation_told_in_events_the_last_words_of_the_user_were_asked() -> None:
    words = ({"user_message": "hello"}, {}, {"user_message": "where is it?"}, {"user_message": "please"}, {})
    told_in = [event(20 + n, 2, at=1 + n / 10, input=f"[{n}]", **said) for n, said in enumerate(words)]
    assert steps(call(2, None, at=1), *told_in)["user_message"].to_list() == ["where is it?"]
    assert steps(*told_in)["user_message"].to_list() == ["where is it?"]


def test_an_event_under_a_span_of_another_kind_makes_no_model_call() -> None:
    assert steps(agent(1, at=0), event(20, 1, at=1, input="[]"))["type"].to_list() == ["agent"]


def test_a_handover_that_was_asked_for_and_happened_is_a_step_without_a_span() -> None:
    asks = {"asked_tools": ["transfer_to_refunds"], "asked_call_ids": [""]}
    rows = [agent(1, at=0), call(2, 1, at=1, **asks), agent(3, 1, at=3, agent="refunds", took=5), call(4, 3, at=4)]
    assert [row[:2] for row in shown(*rows)][2] == ("handoff", "transfer_to_refunds")
    sent = [*rows, span(5, 1, at=2, type="handoff", tool="to refunds", step_name="to refunds")]
    assert [row[1] for row in shown(*sent) if row[0] == "handoff"] == ["to refunds"]
    assert "handoff" not in [row[0] for row in shown(*rows[:2])]


def test_a_tool_that_runs_an_agent_is_a_handoff() -> None:
    rows = [agent(1, at=0), tool(2, 1, at=1, took=9, name="ask_refunds"), agent(3, 2, at=2, agent="refunds", took=5)]
    assert [row[0] for row in shown(*rows)] == ["agent", "handoff", "agent"]


def test_a_call_that_runs_again_in_a_later_trace_was_held_the_first_time() -> None:
    key = {"execution_key": "ab" * 16, "execution_rule": "run_key"}
    rows = [
        agent(1, at=0, took=5, **key), call(2, 1, at=1), tool(3, 1, at=3, tool_call_id=CALL_ID, arguments=None, arguments_digest=None),
        agent(4, at=60, took=5, trace_id=2, **key), tool(5, 4, at=61, trace_id=2, tool_call_id=CALL_ID, result="ok"),
        call(6, 4, at=63, trace_id=2),
    ]  # fmt: skip
    found = steps(*rows)
    assert [(kind, status) for kind, status in found.select("type", "status").rows() if kind != "agent"] == [
        ("llm_call", "ok"), ("approval", "ok"), ("tool_call", "ok"), ("llm_call", "ok"),
    ]  # fmt: skip
    assert execution(*rows)["execution_id"] == trace(1)


def test_a_call_that_is_only_suspected_of_being_held_was_not_if_the_model_went_on() -> None:
    held = tool(3, 1, at=3, type="approval", control_flow="approval", flags=["guessed"])
    waiting = [agent(1, at=0, took=5), call(2, 1, at=1), held]
    assert (shown(*waiting)[2][0], execution(*waiting)["status"]) == ("approval", "waiting")
    went_on = [*waiting, call(4, 1, at=4)]
    assert (shown(*went_on)[2][0], shown(*went_on)[2][3], execution(*went_on)["status"]) == ("tool_call", "ok", "ok")


def test_an_approval_inside_a_tool_call_comes_before_it() -> None:
    rows = [agent(1, at=0), tool(2, 1, at=1, took=9, result="done"), span(3, 2, at=2, took=3, type="approval")]
    assert [row[0] for row in shown(*rows)] == ["agent", "approval", "tool_call"]
    assert steps(*rows).row(2, named=True)["latency_ms"] == 5000
    refused = [agent(1, at=0), tool(2, 1, at=1, took=9, result="rejected by ann"), rows[2]]
    assert [(row[0], row[3]) for row in shown(*refused)] == [("agent", "ok"), ("approval", "rejected")]


def test_an_approval_that_messages_tell_of_is_one_step_and_ends_when_the_call_runs() -> None:
    asked = tool(8, 1, at=3, took=-1, tool_call_id=CALL_ID, type="approval", control_flow="approval", synthetic=True)
    again = {**asked, "span_id": 9, "started_at": asked["started_at"] + 10}
    rows = [agent(1, at=0), call(2, 1, at=1, **ASKS), asked, again, tool(4, 1, at=30, tool_call_id=CALL_ID)]
    found = steps(*rows)
    assert [row[0] for row in shown(*rows)] == ["agent", "llm_call", "approval", "tool_call"]
    assert found.row(2, named=True)["latency_ms"] == 28_000


def test_the_same_rows_in_any_order_and_twice_give_the_same_results() -> None:
    rows = [
        call(1, None, at=1, **ASKS), event(20, 1, at=1, input='[{"role":"user"}]', user_message="hello"),
        call(2, None, at=5, trace_id=2), told(9, 2, at=5, trace_id=2), event(21, 2, at=5, trace_id=2, input="[1]"),
    ]  # fmt: skip
    for row in rows:
        row.update(execution_key="ab" * 16, execution_rule="run_key")
    expected = results(*rows)
    assert expected.executions.height == 1
    for seed in range(20):
        shuffled = random.Random(seed).sample(rows * 2, len(rows) * 2)
        found = results(*shuffled)
        for one, other in zip(found, expected, strict=True):
            assert one.equals(other)


KEY = {"execution_key": "ab" * 16, "execution_rule": "run_key"}


def resumed(*first: dict[str, Any], **again: Any) -> list[str]:
    """Types of the steps of a run that stopped, and of the trace that goes on with it."""
    later = [agent(11, at=60, took=9, trace_id=2), tool(12, 11, at=61, trace_id=2, result="done", **again)]
    rows = [
        agent(1, at=0, took=9, **KEY),
        call(2, 1, at=1, **ASKS),
        *first,
        *later,
        call(13, 11, at=63, trace_id=2, **KEY),
    ]
    return [kind for kind in steps(*rows)["type"].to_list() if kind != "agent"]


def test_a_call_that_was_asked_for_in_one_trace_and_ran_in_the_next_was_held_in_between() -> None:
    assert resumed(tool_call_id=CALL_ID) == ["llm_call", "approval", "tool_call", "llm_call"]


def test_a_call_that_ended_a_trace_without_a_result_and_is_made_again_was_held() -> None:
    assert resumed(tool(3, 1, at=3)) == ["llm_call", "approval", "tool_call", "llm_call"]
    assert resumed(tool(3, 1, at=3, result="done")) == ["llm_call", "tool_call", "tool_call", "llm_call"]


def test_a_tool_that_is_told_of_without_a_call_id_comes_before_the_call_that_is_given_its_result() -> None:
    for number in (3, 99):  # whichever id is smaller
        answer = told(number, 50, at=5, tool="lookup", tool_call_id=None)
        rows = [agent(2, at=0, took=9), call(1, 2, at=1), call(50, 2, at=5), answer]
        assert [row[0] for row in shown(*rows)] == [
            "agent",
            "llm_call", "tool_call", "llm_call",
        ]  # fmt: skip


def test_tools_that_an_agent_lists_at_its_end_stand_where_its_model_calls_asked_for_them() -> None:
    first, second = ({"asked_tools": ["lookup"], "asked_call_ids": [f"call_{n}"]} for n in "12")
    rows = [agent(1, at=0, took=20), call(2, 1, at=1, **first), call(3, 1, at=5, **second), call(4, 1, at=9)]
    listed = [told(10 + n, 1, at=19, tool_call_id=None, tool="lookup", result=said) for n, said in enumerate("ab")]
    again = told(9, 3, at=5, tool_call_id=None, tool="lookup", result="told by the next call too")
    found = steps(*rows, *listed, again).filter(pl.col("type") != "agent")
    assert found["type"].to_list() == ["llm_call", "tool_call", "llm_call", "tool_call", "llm_call"]
    assert found.filter(pl.col("type") == "tool_call").select("result", "parent_step_id").rows() == [("a", 1), ("b", 1)]


def test_an_agent_that_names_only_the_call_that_ended_it_leaves_the_others_to_its_model_calls() -> None:
    asks = {"asked_tools": ["lookup"], "asked_call_ids": [""]}
    rows = [agent(1, at=0, took=20), call(2, 1, at=1, **asks), call(3, 1, at=5, **asks)]
    before = told(9, 3, at=5, tool_call_id=None, tool="lookup")
    last = failed(told(10, 1, at=19, tool_call_id=None, tool="lookup", result=None), "no answer", "TimeoutError")
    found = steps(*rows, before, last).filter(pl.col("type") == "tool_call")
    assert found["status"].to_list() == ["ok", "error"]


def test_an_approval_has_the_name_and_the_arguments_of_the_call_that_it_holds() -> None:
    held = told(9, 1, at=2, type="approval", control_flow="approval", tool="ask", result=None, ended_at=None)
    asks = call(2, 1, at=1, **ASKS)
    later = [agent(20, at=9, trace=trace(2)), tool(21, 20, at=10, trace=trace(2), tool="lookup", tool_call_id=CALL_ID)]
    found = steps(agent(1, at=0), asks, held, *later).filter(pl.col("type") == "approval")
    assert found["tool"].to_list() == ["lookup"]


def test_two_approvals_without_a_call_id_are_one_only_if_they_are_alike() -> None:
    said = {"type": "approval", "control_flow": "approval", "tool": "refund", "result": None, "ended_at": None}
    digests = [f"{n:032x}" for n in (1, 2, 2)]
    held = [
        told(9 + n, 1, at=2, **{**said, "tool_call_id": None, "arguments_digest": one}) for n, one in enumerate(digests)
    ]
    assert steps(agent(1, at=0), call(2, 1, at=1), *held)["type"].to_list().count("approval") == 2


def test_a_call_whose_gate_was_refused_did_not_run() -> None:
    refused = failed(span(3, 2, at=2.1, type="approval", step_name="blocked", merge_key=None), "", "ApprovalRejected")
    allowed = span(5, 4, at=6.1, type="approval", step_name="blocked", merge_key=None)
    rows = [agent(1, at=0, took=20), tool(2, 1, at=2, took=2), refused, tool(4, 1, at=6, took=2), allowed]
    found = steps(*rows).filter(pl.col("type") != "agent")
    assert found.select("type", "status").rows() == [("approval", "rejected"), ("approval", "ok"), ("tool_call", "ok")]


def test_a_handover_that_has_a_span_hides_no_tools_that_only_messages_tell_of() -> None:
    handed = span(8, None, at=0.5, type="handoff", tool="ask_refunds", step_name="ask_refunds")
    assert [row[0] for row in shown(handed, call(1, None, at=1, **ASKS), call(2, None, at=5), told(9, 2, at=5))] == [
        "handoff", "llm_call", "tool_call", "llm_call",
    ]  # fmt: skip


def test_a_handover_whose_answer_alone_is_told_is_one() -> None:
    asks = {"asked_tools": ["handoff"], "asked_call_ids": [CALL_ID]}
    rows = [call(1, None, at=1, **asks), call(2, None, at=5), told(9, 2, at=5)]
    assert [row[0] for row in shown(*rows)] == ["llm_call", "handoff", "llm_call"]


def test_an_answer_is_not_given_to_a_span_with_other_arguments() -> None:
    rows = [agent(1, at=0), call(2, 1, at=1), tool(3, 1, at=3, arguments="b"), call(4, 1, at=5)]
    answer = told(9, 4, at=5, tool="lookup", tool_call_id=None, arguments="a", arguments_digest="a")
    assert [row[2] for row in shown(*rows, answer) if row[0] == "tool_call"] == [None]
    same = {**answer, "arguments": "b", "arguments_digest": "b"}
    assert [row[2] for row in shown(*rows, same) if row[0] == "tool_call"] == ["here"]


def test_what_an_event_tells_within_an_agents_span_is_no_list_of_the_agents() -> None:
    rows = [
        agent(1, at=0),
        call(2, 1, at=1, **ASKS),
        tool(3, 1, at=3, tool_call_id=CALL_ID, arguments=None),
        call(4, 1, at=5),
    ]
    asked = told(9, 2, at=2, took=-1, arguments='{"id":7}', arguments_digest="d", result=None)
    by_event = [event(20, 1, at=6, input="[]"), told(10, 1, at=6)]
    (found,) = [row for row in steps(*rows, asked, *by_event).rows(named=True) if row["type"] == "tool_call"]
    assert (found["arguments"], found["result"]) == ('{"id":7}', "here")
