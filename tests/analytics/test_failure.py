"""The failing step and the decision that led there."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from frames import agent, call, evaluation, execution, failed, results, span, tool

from whichstep_analytics.failure import evidence, kinds, rules
from whichstep_analytics.failure.signature import signature


def located(*rows: dict[str, Any], **given: Any) -> tuple[int | None, str | None, int | None]:
    found = execution(*rows, **given)
    return found["failing_step_id"], found["failure_kind"], found["cause_step_id"]


NOTHING = (None, None, None)


# hard errors


def test_the_error_that_stopped_the_run_is_the_failing_step_and_the_call_that_asked_its_cause() -> None:
    rows = (failed(agent()), call(2, asks="lookup"), failed(span(3, 1)), failed(tool(4, 3)))
    assert located(*rows) == (4, "tool_error", 2)


def test_an_error_that_nothing_made_up_for_fails_a_run_that_ended_well() -> None:
    assert located(agent(), call(2, asks="lookup"), failed(tool(3)), call(4, output="sorry")) == (3, "tool_error", 2)


def test_an_error_that_the_agent_worked_around_fails_no_run() -> None:
    rows = (failed(tool(3)), tool(5, name="other"), call(6))
    assert located(agent(), *rows) == NOTHING
    assert "found another way" in json.loads(execution(agent(), *rows)["suspects"])[0]["reason"]


def test_an_error_worked_around_is_the_best_guess_where_the_run_is_known_to_have_failed() -> None:
    rows = (agent(outcome_success=False), failed(tool(3)), tool(5, name="other"))
    assert located(*rows)[:2] == (3, "tool_error")


def test_a_recovered_error_is_no_failing_step() -> None:
    assert located(agent(), failed(tool(2)), tool(3), call(4)) == NOTHING


def test_a_success_has_no_failing_step_whatever_went_wrong_on_the_way() -> None:
    assert located(agent(outcome_success=True), failed(tool(2)), call(3)) == NOTHING


def test_a_failure_that_nothing_explains_is_of_unknown_kind_and_names_no_step_where_no_model_was_called() -> None:
    assert located(agent(outcome_success=False), tool(3)) == (None, "unknown", None)
    assert located(agent(outcome_success=False), call(2, asks="lookup"), tool(3)) == (2, "unknown", None)


@pytest.mark.parametrize(
    ("given", "said", "by"),
    [
        ({"outcome_success": False}, {}, "the agent's code"),
        ({}, {"source": "HUMAN", "trusted": True, "label": "fail"}, "a person"),
        ({}, {"source": "LLM", "score": 0.1}, "an evaluator"),
    ],
)
def test_a_failure_that_only_somebody_says_is_given_to_the_likeliest_turn(
    given: dict[str, Any], said: dict[str, Any], by: str
) -> None:
    rows = (agent(**given), call(2, asks="lookup"), tool(3), call(4, output="90 days"))
    found = execution(*rows, evaluations=evaluation(**said))
    assert (found["failing_step_id"], found["failure_kind"]) == (4, "wrong_answer")
    assert found["failure_reason"].startswith(f"no step failed visibly; the outcome was set to failure by {by}; it ")
    assert 0.5 < found["failure_confidence"] < 1


def test_an_answer_is_not_suspected_without_a_failure() -> None:
    assert located(agent(), call(2)) == NOTHING
    assert located(agent(outcome_success=True), call(2)) == NOTHING
    assert located(agent(outcome_success=False, took=-1), call(2)) == NOTHING


def test_where_no_model_call_answers_for_a_suspect_it_stands_beside_the_turns() -> None:
    rows = (agent(outcome_success=False), failed(tool(2)), call(4), tool(5, name="mail"), call(7))
    said = json.loads(execution(*rows)["suspects"])
    assert {suspect["step_id"] for suspect in said} == {f"{step:016x}" for step in (2, 4, 7)}


def test_the_crash_is_told_from_an_earlier_error_that_was_handled() -> None:
    rows = (failed(agent()), failed(tool(2, name="fraud")), tool(4), failed(call(6), "Error code: 500", "APIError"))
    assert located(*rows) == (6, "llm_error", None)


def test_an_execution_that_runs_or_waits_has_not_failed_yet() -> None:
    assert located(agent(took=-1), failed(tool(2))) == NOTHING
    assert located(agent(took=9), call(2), failed(tool(3)), tool(5, name="b", control_flow="interrupt")) == NOTHING


def test_control_flow_is_no_error() -> None:
    assert located(agent(), tool(2, control_flow="handoff"), tool(3, name="b", control_flow="cancelled")) == NOTHING


@pytest.mark.parametrize(
    ("step", "error_type", "message", "kind"),
    [
        ("agent", "ToolFailed", "'lookup' was called with the same arguments 5 times", "loop"),
        ("tool_call", "OSError", "connection refused", "tool_error"),
        ("tool_call", "ReadTimeout", "timed out", "tool_timeout"),
        ("tool_call", "HTTPError", "429 Too Many Requests", "rate_limited"),
        ("tool_call", "ValidationError", "1 validation error", "invalid_arguments"),
        ("tool_call", None, None, "tool_error"),
        ("llm_call", "RateLimitError", "slow down", "rate_limited"),
        ("llm_call", "BadRequestError", "maximum context length is 128000", "context_overflow"),
        ("llm_call", "OutputParserException", "could not parse", "malformed_output"),
        ("llm_call", "InternalServerError", "Error code: 500", "llm_error"),
        ("agent", "InternalServerError", "Error code: 500", "llm_error"),
        ("agent", "UsageLimitExceeded", "request limit", "budget_exceeded"),
        ("workflow", "GraphRecursionError", "Recursion limit of 12 reached", "budget_exceeded"),
        ("agent", "KeyError", "x", "unknown"),
        ("handoff", "KeyError", "x", "handoff_failed"),
        ("retrieval", "ConnectError", "down", "tool_error"),
    ],
)
def test_the_kind_is_told_by_type_and_words(step: str, error_type: str | None, message: str | None, kind: str) -> None:
    row = pl.DataFrame(
        {"type": [step], "error_type": [error_type], "error_message": [message]},
        schema={"type": pl.String, "error_type": pl.String, "error_message": pl.String},
    )
    assert row.select(kinds.kind().alias("kind"))["kind"].to_list() == [kind]


# loops


def repeats(count: int, *, result: Any = "same", **columns: Any) -> list[dict[str, Any]]:
    rows = []
    for number in range(count):
        at = 2 * number + 2
        answer = result(number) if callable(result) else result
        rows += [call(at, asks="lookup"), tool(at + 1, result=answer, **columns)]
    return rows


def test_equal_calls_until_a_limit_are_a_loop_of_the_agent_and_the_call_that_repeated_is_the_cause() -> None:
    limit = failed(span(1, type="workflow", took=60), "Recursion limit of 12 reached", "GraphRecursionError")
    assert located(limit, *repeats(5)) == (1, "loop", 6)
    found = execution(limit, *repeats(5))
    assert found["failure_reason"] == "lookup was called 5 times with the same arguments until the limit of 12 steps"
    told = [(suspect["step_id"], suspect["kind"]) for suspect in json.loads(found["suspects"])]
    at = [f"{step:016x}" for step in (1, 1, 7, 6)]  # the agent, by loop and by limit; the call; who asked for it
    assert told == list(zip(at, ["loop", "budget_exceeded", "loop", "loop"], strict=True))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Max turns exceeded: {'max_turns': 6}", "until the limit of 6 turns"),
        ("Max number of llm calls limit of `6` exceeded", "until the limit of 6 model calls"),
        ("maximum number of turns reached", "until a limit stopped it"),
    ],
)
def test_the_reason_of_a_loop_names_the_action_its_count_and_the_limit(message: str, words: str) -> None:
    found = execution(failed(agent(), message), *repeats(4))
    assert found["failure_reason"] == f"lookup was called 4 times with the same arguments {words}"
    unsent = execution(failed(agent(), message), *unseen(5))
    assert unsent["failure_reason"] == f"lookup was called 5 times (arguments not sent) {words}"
    assert (unsent["failure_kind"], unsent["failing_step_id"]) == ("budget_exceeded", 1)


def test_equal_calls_that_the_run_just_ends_with_are_a_loop() -> None:
    assert located(agent(), *repeats(3)) == (1, "loop", 6)


def test_the_lowest_agent_above_all_calls_looped() -> None:
    inner = [{**row, "parent_span_id": 50} for row in repeats(3)]
    assert located(agent(took=80), agent(50, 1, at=1.5, took=60, agent="inner"), *inner)[:2] == (50, "loop")


def test_without_an_agent_above_the_call_that_made_it_a_loop_is_the_step() -> None:
    rows = [{**row, "parent_span_id": None} for row in repeats(3)]
    assert located(*rows)[:2] == (7, "loop")


@pytest.mark.parametrize(
    "rows",
    [
        repeats(2),
        repeats(3, result=lambda number: f"{number} %"),
        [*repeats(3), call(20, output="it is delivered")],
        [*repeats(3), tool(20, name="mail"), call(21)],
        [row for number in range(4) for row in (call(2 * number + 2), tool(2 * number + 3, arguments=str(number)))],
    ],
    ids=["twice", "polling", "then an answer", "then another action", "other arguments"],
)
def test_what_repeats_without_being_stuck_is_no_loop(rows: list[dict[str, Any]]) -> None:
    assert located(agent(), *rows) == NOTHING


def test_errors_that_repeat_are_retries_of_the_tool_not_a_loop() -> None:
    rows = [failed(tool(number)) for number in (2, 3, 4)]
    assert located(agent(), *rows)[1] == "tool_error"


def unseen(count: int, *, overlap: bool = False) -> list[dict[str, Any]]:
    rows = [tool(number, arguments_digest=None, arguments=None) for number in range(2, 2 + count)]
    return [{**row, "started_at": rows[0]["started_at"]} for row in rows] if overlap else rows


def test_many_calls_in_a_row_whose_arguments_nobody_sent_look_like_a_loop_but_a_batch_does_not() -> None:
    assert located(agent(), *unseen(5))[:2] == (1, "loop")
    assert execution(agent(), *unseen(5))["failure_confidence"] == 0.5
    assert located(agent(), *unseen(3)) == NOTHING
    assert located(agent(), *unseen(5, overlap=True)) == NOTHING


# searches, refusals, giving up


def search(span_id: int, documents: int, **columns: Any) -> dict[str, Any]:
    return span(span_id, 1, type="retrieval", step_name="policies", document_count=documents, **columns)


def test_an_answer_after_a_search_that_found_nothing_fails_at_the_search() -> None:
    assert located(agent(), search(2, 0), call(3, output="90 days")) == (2, "empty_retrieval", None)
    assert located(agent(), call(2, asks="search_policy"), tool(3, name="search_policy", result="[]"), call(4)) == (
        3,
        "empty_retrieval",
        2,
    )


@pytest.mark.parametrize(
    "rows",
    [
        [search(2, 3)],
        [search(2, 0), search(4, 2)],
        [search(2, 0), tool(4)],
        [tool(2, name="delete_order", result="{}")],
    ],
    ids=["found", "found later", "acted", "not a search"],
)
def test_an_empty_search_that_did_not_matter_fails_nothing(rows: list[dict[str, Any]]) -> None:
    assert located(agent(), *rows, call(9)) == NOTHING


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("ApprovalRejected", "approval_rejected"),
        ("ApprovalExpired", "approval_expired"),
        ("ActionBlocked", "policy_block"),
    ],
)
def test_an_action_that_was_not_allowed_is_the_failing_step(error_type: str, kind: str) -> None:
    assert located(agent(), call(2, asks="lookup"), failed(tool(3), error_type=error_type), call(4)) == (3, kind, 2)


def test_a_block_that_the_agent_got_around_fails_nothing() -> None:
    assert located(agent(), failed(tool(2), error_type="ActionBlocked"), tool(4, name="b"), call(5)) == NOTHING


def test_an_apology_of_an_agent_that_did_nothing_is_giving_up() -> None:
    sorry = "I am sorry, but I was not able to find your order."
    assert located(agent(), call(2), call(3, output=sorry))[:2] == (3, "gave_up")
    assert located(agent(), tool(2), call(3, output=sorry)) == NOTHING


# what is said about it


def test_every_rule_says_in_words_what_it_looks_for_and_gives_suspects_of_the_one_shape() -> None:
    nothing = evidence.prepare(results(agent()).steps, results(agent()).executions)
    for rule in rules.RULES:
        assert rules.words(rule).endswith("."), rules.name(rule)
        assert rule.suspects(nothing).schema == evidence.SUSPECT_SCHEMA, rules.name(rule)
    assert len({rules.name(rule) for rule in rules.RULES}) == len(rules.RULES)


def test_suspects_are_listed_best_first_with_reasons() -> None:
    rows = (agent(outcome_success=False), search(2, 0), failed(tool(3)), call(5))
    said = json.loads(execution(*rows)["suspects"])
    assert [suspect["rule"] for suspect in said] == ["hard_error", "empty_retrieval", "wrong_answer"]
    assert said[0]["step_id"] == f"{3:016x}"
    assert said[0]["score"] > said[1]["score"]


def test_one_kind_at_one_place_has_one_signature_however_its_numbers_differ() -> None:
    def of(message: str) -> Any:
        return execution(failed(agent()), failed(tool(2), message))["failure_signature"]

    first = of("order 'A-1042' not found at 0x7f3a after 2.5 s (id 3f2b8c11-0000-4000-8000-1234567890ab)")
    assert first == of("order 'B-7' not found at 0x11 after 30 s (id aaaabbbb-1111-4222-8333-abcdefabcdef)")
    assert first == "support/lookup · tool_error · ValueError: order '…' not found at # after # s (id #)"
    assert first != of("order gone")


def test_a_signature_is_bounded_and_needs_no_message() -> None:
    row = pl.DataFrame({"path": ["p"], "kind": ["loop"], "message": ["x " * 500]})
    text = row.select(signature(pl.col("path"), pl.col("kind"), pl.col("message")).alias("s"))["s"][0]
    assert len(text) <= 240
    empty = row.with_columns(pl.lit(None, pl.String).alias("message"))
    assert empty.select(signature(pl.col("path"), pl.col("kind"), pl.col("message")).alias("s"))["s"][0] == "p · loop"


def test_each_execution_of_a_frame_is_judged_by_its_own_steps() -> None:
    other = [{**row, "trace_id": f"{2:032x}", "span_id": row["span_id"] + 100,
              "parent_span_id": row["parent_span_id"] and row["parent_span_id"] + 100} for row in (agent(), failed(tool(2)))]  # fmt: skip
    found = results(agent(), tool(2), *other).executions
    assert found["failing_step_id"].to_list() == [None, 102]
