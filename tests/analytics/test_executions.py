"""One row per execution: status, outcome, time, cost, turns."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from frames import MINUTE, NOON, SECOND, agent, call, evaluation, execution, failed, results, span, tool, trace

from whichstep_analytics.jobs.frames import schema_of
from whichstep_store.results import NEIGHBOUR_FIELDS

LONG_AFTER = NOON + 60 * MINUTE


# status


def test_an_execution_runs_until_its_root_ends_and_is_abandoned_after_long_silence() -> None:
    rows = (agent(took=-1), call(2))
    assert execution(*rows)["status"] == "running"
    assert execution(*rows, as_of=LONG_AFTER)["status"] == "abandoned"
    assert execution(agent(), call(2), as_of=LONG_AFTER)["status"] == "ok"


def test_what_waits_for_a_person_is_never_abandoned() -> None:
    held = tool(3, control_flow="interrupt")
    assert execution(agent(took=5), call(2), held, as_of=LONG_AFTER)["status"] == "waiting"
    assert execution(agent(took=-1), span(2, 1, type="approval", took=-1), as_of=LONG_AFTER)["status"] == "waiting"


def test_a_root_that_never_comes_is_judged_by_its_agents_after_the_deadline() -> None:
    lost = (agent(2, 1, took=5), call(3, 2))
    assert execution(*lost)["status"] == "running"
    assert execution(*lost, as_of=LONG_AFTER)["status"] == "ok"
    assert execution(failed(lost[0]), lost[1], as_of=LONG_AFTER)["status"] == "error"
    assert execution(call(3, 2), as_of=LONG_AFTER)["status"] == "abandoned"


def test_the_worst_agent_decides_even_below_a_root_that_is_fine() -> None:
    workflow = span(1, type="workflow", took=60)
    assert execution(workflow, failed(agent(2, 1, at=2, took=50)), call(3, 2))["status"] == "error"


def test_an_agents_error_that_its_caller_got_over_is_no_error_of_the_execution() -> None:
    sub = failed(agent(2, 1, at=2, took=5, agent="helper"))
    assert execution(agent(), sub, call(3, 2), call(10))["status"] == "ok"


def test_a_tool_that_failed_inside_a_run_that_ended_well_is_no_error_of_the_execution() -> None:
    found = execution(agent(), failed(tool(2)), call(3))
    assert (found["status"], found["error_count"]) == ("ok", 1)


def test_a_model_call_that_failed_last_ends_a_run_without_an_answer_whatever_its_root_says() -> None:
    last = failed(call(3, at=10, input="where is it?"))
    assert execution(agent(), call(2), last)["status"] == "error"
    assert execution(agent(output="later, please"), call(2), last)["status"] == "ok"
    assert execution(agent(), last, call(4, at=20))["status"] == "ok"
    assert execution(agent(), call(2), failed(call(3, at=10)))["status"] == "ok"  # nobody tells what was said


def test_the_only_root_of_a_trace_stands_in_for_a_parent_that_never_came() -> None:
    lost = call(3, 99)
    assert results(agent(agent="a"), lost).steps["agent"].to_list() == ["a", "a"]
    assert results(agent(agent="a"), agent(2, None, agent="b"), lost).steps["agent"].to_list().count(None) == 1


# outcome


def test_without_a_witness_only_failure_is_inferred() -> None:
    assert execution(agent(), call(2))["success"] is None
    found = execution(failed(agent()), call(2))
    assert (found["success"], found["success_source"]) == (False, "inferred")


@pytest.mark.parametrize(
    ("code", "said", "success", "source"),
    [
        (True, {}, True, "code"),
        (False, {"label": "pass", "source": "LLM"}, False, "code"),
        (True, {"label": "fail", "source": "HUMAN", "trusted": True}, False, "human"),
        (None, {"label": "pass", "source": "HUMAN", "trusted": False}, True, "evaluator"),
        (None, {"score": 0.4, "source": "LLM"}, False, "evaluator"),
        (None, {"score": 1.0, "source": "CODE"}, True, "evaluator"),
        (None, {"score": 1.0, "name": "tone"}, None, None),
        (None, {"label": "maybe"}, None, None),
    ],
    ids=str,
)
def test_the_strongest_witness_decides(code: Any, said: dict[str, Any], success: Any, source: str | None) -> None:
    found = execution(agent(outcome_success=code), call(2), evaluations=evaluation(**said))
    assert (found["success"], found["success_source"]) == (success, source)


def test_an_evaluation_finds_its_execution_by_response_or_execution_id() -> None:
    by_response = evaluation(trace_id=None, response_id="r1", label="pass")
    by_execution = evaluation(trace_id=None, execution_id=trace(1), label="pass")
    for said in (by_response, by_execution):
        assert execution(agent(), call(2, response_id="r1"), evaluations=said)["success"]


def test_the_latest_of_several_statements_counts() -> None:
    early = evaluation(label="pass", source="HUMAN", trusted=True)
    late = evaluation(label="fail", source="HUMAN", trusted=True, occurred_at=NOON + 1)
    assert not execution(agent(), call(2), evaluations=pl.concat([late, early]))["success"]


def test_a_refused_action_is_no_success_even_beside_a_good_score() -> None:
    refused = failed(tool(2), error_type="ApprovalRejected")
    found = execution(agent(outcome_success=True), refused, evaluations=evaluation(score=1.0))
    assert (found["success"], found["success_source"]) == (False, "human")


def test_first_pass_is_a_success_without_another_try() -> None:
    done = agent(outcome_success=True)
    assert execution(done, tool(2))["first_pass"] is True
    assert execution(done, failed(tool(2)), tool(3))["first_pass"] is True  # a transport retry
    corrected = execution(done, failed(tool(2)), tool(3, arguments="b"))
    assert (corrected["first_pass"], corrected["self_corrected"]) == (False, True)
    assert execution({**done, "rerun_of": trace(9)}, tool(2))["first_pass"] is False
    assert execution(agent(), tool(2))["first_pass"] is None
    assert execution(agent(outcome_success=False), tool(2))["first_pass"] is False


def test_an_execution_that_was_run_again_was_no_first_pass() -> None:
    again = neighbour(execution_id=trace(5), rerun_of=trace(1), at=100)
    assert execution(agent(outcome_success=True), tool(2), neighbours=again)["first_pass"] is False


# time, tokens, cost


def test_active_time_leaves_out_the_union_of_waits_for_people() -> None:
    rows = (
        agent(took=100),
        call(2),
        tool(10, name="refund", control_flow="interrupt"),
        tool(12, name="mail", control_flow="interrupt"),
        tool(30, name="refund"),
        tool(40, name="mail"),
        call(50),
    )
    found = execution(*rows)
    assert found["latency_ms"] == 100_000
    assert found["active_ms"] == 70_000  # 10 to 40, once
    assert (found["escalated"], found["escalation_reason"]) == (True, "policy")


def test_an_execution_that_runs_has_no_latency() -> None:
    assert execution(agent(took=-1), call(2))["latency_ms"] is None


def test_sums_are_of_calls_and_unknown_where_one_is_unknown() -> None:
    found = execution(agent(), call(2), call(3))
    assert (found["input_tokens"], found["output_tokens"], found["llm_call_count"]) == (200, 20, 2)
    assert found["cost_usd"] == pytest.approx(2 * (100 * 0.15 + 10 * 0.6) / 1e6)
    assert found["reasoning_tokens"] is None
    partly = execution(agent(), call(2), call(3, input_tokens=None, output_tokens=None))
    assert (partly["input_tokens"], partly["cost_usd"], partly["unpriced_calls"]) == (None, None, 1)
    unpriced = execution(agent(), call(2), call(3, model="house"))
    assert (unpriced["input_tokens"], unpriced["cost_usd"], unpriced["unpriced_calls"]) == (200, None, 1)


def test_a_call_that_failed_without_usage_was_not_billed() -> None:
    broken = failed(call(3, input_tokens=None, output_tokens=None))
    found = execution(agent(), call(2), broken, call(4))
    assert (found["unpriced_calls"], found["input_tokens"]) == (0, 200)
    assert found["cost_usd"] is not None


def test_the_word_of_a_person_comes_first_on_a_policy_violation_too() -> None:
    judged = evaluation(name="policy_violation", label="true", source="LLM", occurred_at=NOON + SECOND)
    assert execution(agent(), call(2), evaluations=judged)["violated"] is True
    cleared = evaluation(name="policy_violation", label="false", source="HUMAN", trusted=True)
    assert execution(agent(), call(2), evaluations=pl.concat([cleared, judged]))["violated"] is False
    assert execution(agent(), call(2), evaluations=judged)["success"] is None
    assert execution(agent(), call(2))["violated"] is None


def test_tool_calls_and_those_in_error_are_counted() -> None:
    found = execution(agent(), failed(tool(2)), tool(3), call(4))
    assert (found["tool_call_count"], found["tool_error_count"]) == (2, 1)
    handed_over = execution(agent(), tool(2, type="handoff", name="transfer_to_billing"), span(3, 1, type="handoff"))
    assert handed_over["tool_call_count"] == 1


def test_a_recorded_run_without_times_has_no_duration() -> None:
    found = execution(agent(took=0), call(2, at=1, took=0, step_index=1))
    assert (found["latency_ms"], found["active_ms"]) == (None, None)
    assert execution(agent(took=0), call(2, at=1, took=0))["latency_ms"] == 0


def test_without_any_model_call_tokens_and_cost_are_unknown_not_zero() -> None:
    found = execution(agent(), tool(2))
    assert (found["input_tokens"], found["cost_usd"], found["wasted_cost_usd"]) == (None, None, None)


def test_the_calls_that_asked_for_a_repeat_are_waste() -> None:
    found = execution(agent(), call(2, asks="lookup"), failed(tool(3)), call(4, asks="lookup"), tool(5), call(6))
    assert found["retry_count"] == 1
    assert found["wasted_cost_usd"] == pytest.approx(found["cost_usd"] / 3)
    assert execution(agent(), call(2))["wasted_cost_usd"] == 0


# who, what, where


def test_of_a_conversation_that_an_agent_is_sent_whole_the_input_is_what_was_asked_in_this_turn() -> None:
    sent = '[{"role":"user"},{"role":"assistant"},{"role":"user"}]'
    turn = agent(input=sent, user_message="and the other one?")
    found = execution(turn, call(2, user_message="and the other one?"))
    other = execution(agent(input=f"{sent} ", user_message="and the other one?"))
    assert found["input"] == other["input"] == "and the other one?"
    assert found["input_digest"] != other["input_digest"]  # asked after other turns it is no repetition


def test_the_root_says_input_and_output_else_the_words_of_the_calls_do() -> None:
    said = execution(agent(input="please", output="done"), call(2, user_message="x", output="y"))
    assert (said["input"], said["output"]) == ("please", "done")
    calls = (call(2, user_message="please"), call(3, output="[…]", asks="lookup"), call(4, output="done"))
    found = execution(agent(), *calls)
    assert (found["input"], found["output"]) == ("please", "done")


def test_what_a_failed_run_said_on_its_way_is_no_answer() -> None:
    assert execution(failed(agent()), call(2, output="let me see"))["output"] is None


def test_facts_come_from_the_first_span_that_knows_them() -> None:
    rows = (
        agent(tags=["b"]),
        call(2, session_id="s", user_id="u", release="1", tags=["a", "b"], configuration_digest="aa" * 16),
        call(3, session_id="t", task_id="T-1", environment="prod", metadata='{"k": "v"}', autonomy_level=3),
    )
    found = execution(*rows)
    assert (found["session_id"], found["user_id"], found["release"]) == ("s", "u", "1")
    assert (found["task_id"], found["environment"], found["tags"]) == ("T-1", "prod", ["a", "b"])
    assert (found["metadata"], found["autonomy_level"], found["configuration_id"]) == ('{"k": "v"}', 3, "aa" * 16)
    assert (found["agent"], found["task_type"], found["purpose"], found["violated"]) == (
        "support",
        "support",
        "production",
        None,
    )


def test_two_configurations_give_one_id_whatever_their_order() -> None:
    one, other = {"configuration_digest": "aa" * 16}, {"configuration_digest": "bb" * 16}
    first = execution(agent(), call(2, **one), call(3, **other))["configuration_id"]
    assert first == execution(agent(), call(2, **other), call(3, **one))["configuration_id"]
    assert first not in {"aa" * 16, "bb" * 16}
    assert len(first) == 32


def test_a_task_without_an_id_is_its_execution() -> None:
    assert execution(agent(), call(2))["task_id"] == trace(1)


def test_a_joined_execution_lists_its_traces_by_start_and_takes_the_time_of_all() -> None:
    later = agent(11, trace_id=2, at=70, took=10, links_join=True, linked_trace_ids=[trace(1)])
    found = execution(agent(), call(2), later)
    assert found["trace_ids"] == [trace(1), trace(2)]
    assert found["latency_ms"] == 79_000


def test_set_up_and_plumbing_make_no_execution() -> None:
    assert results(agent(setup=True), span(2, trace_id=2, type="none")).executions.is_empty()


# turns


def neighbour(*, execution_id: str, at: int, rerun_of: str | None = None, turn: int | None = None) -> pl.DataFrame:
    row = {
        "execution_id": execution_id, "session_id": "s", "task_id": "t", "rerun_of": rerun_of,
        "started_at": NOON + at * SECOND, "turn": turn, "purpose": "production",
    }  # fmt: skip
    schema = schema_of(NEIGHBOUR_FIELDS)
    return pl.DataFrame({name: pl.Series(name, [row.get(name)]).cast(kind) for name, kind in schema.items()})


def test_turns_count_the_executions_of_a_session_by_start() -> None:
    rows = (agent(session_id="s"), agent(11, trace_id=2, at=90, session_id="s"))
    found = results(*rows, neighbours=neighbour(execution_id=trace(7), at=0)).executions
    assert dict(found.select("execution_id", "turn").iter_rows()) == {trace(1): 2, trace(2): 3}
    assert execution(agent())["turn"] is None


def test_a_wrapper_of_model_calls_names_no_workflow_and_is_no_second_try() -> None:
    failing = [failed(call(2, 1, took=4, input_digest="a")), failed(call(3, 2, input_digest="a"))]
    again = [call(12, 1, took=4, input_digest="a", output="done"), call(13, 12, input_digest="a")]
    found = execution(agent(), *failing, *again)
    assert (found["llm_call_count"], found["retry_count"], found["self_corrected"]) == (2, 1, False)
    assert (found["status"], found["failing_step_id"], found["output"]) == ("ok", None, "done")
    alone = execution(call(1, None, took=9, output="done"), call(2, 1))
    assert (alone["workflow"], alone["task_type"], alone["output"]) == (None, None, "done")


def test_a_wrapper_that_failed_below_an_agent_that_got_over_it_is_no_error_of_the_execution() -> None:
    found = execution(agent(), failed(call(2, 1, took=4)), failed(call(3, 2)))
    assert (found["status"], found["failure_kind"]) == ("ok", "llm_error")
    unparsed = execution(agent(), failed(call(2, 1, took=4), "no answer"), call(3, 2))
    assert (unparsed["failing_step_id"], unparsed["failure_kind"]) == (2, "llm_error")


def test_what_was_said_before_a_call_failed_is_no_answer() -> None:
    rows = [call(1, None, at=1, output="Let me see."), call(2, None, at=3, output="Done.")]
    assert execution(*rows)["output"] == "Done."
    assert execution(*rows, failed(call(3, None, at=5)))["output"] is None
