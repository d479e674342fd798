"""The ranking of the turns of executions that somebody judged a failure."""

from __future__ import annotations

import json
import random
from importlib.resources import files
from typing import Any

import polars as pl
import pytest
from frames import NOON, agent, call, evaluation, execution, failed, results, span, tool

from whichstep_analytics.failure import crew, evidence, rules, scorer, traits
from whichstep_analytics.failure.locate import locate

Row = dict[str, Any]
PLAIN = scorer.Weights(rules={}, traits={}, elsewhere=0.0)


def failure(**columns: Any) -> Row:
    return agent(outcome_success=False, **columns)


def told(span_id: int, text: str, speaker: str = "support", **columns: Any) -> Row:
    return call(span_id, output=text, agent=speaker, **columns)


def turns(*rows: Row) -> pl.DataFrame:
    found = results(*rows)
    return traits.of_turns(evidence.prepare(found.steps, found.executions))


def suspects(*rows: Row, **given: Any) -> list[dict[str, Any]]:
    return json.loads(execution(*rows, **given)["suspects"])


def test_the_shipped_weights_name_known_rules_and_all_traits_and_say_how_they_were_found() -> None:
    text = files("whichstep_analytics.failure").joinpath("weights.json").read_text(encoding="utf-8")
    read = json.loads(text)
    assert set(read["traits"]) == set(traits.TRAITS)
    assert set(read["rules"]) <= {rules.name(rule) for rule in rules.RULES}
    assert all(weight >= 0 for weight in read["rules"].values())
    assert {"by", "ridge", "executions"} <= set(read["found"])


def test_a_rule_that_has_no_weight_yet_has_that_of_any_rule_before_data() -> None:
    assert scorer.shipped().rules["loop"] == 3.0


def test_the_scores_of_an_execution_are_probabilities_of_its_turns_best_first() -> None:
    said = suspects(failure(), *(told(number, f"turn {number}") for number in range(2, 9)))
    scores = [suspect["score"] for suspect in said]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == scorer.TURNS_NAMED
    assert 0 < sum(scores) < 1


def test_without_weights_all_turns_are_alike() -> None:
    found = results(failure(), *(call(number) for number in range(2, 6)))
    outcome = found.executions.select("execution_id", "status", "success", "success_source")
    located = locate(found.steps, outcome, weights=PLAIN)
    assert [suspect["score"] for suspect in json.loads(located["suspects"][0])] == [0.25] * 4


@pytest.mark.parametrize(("order", "blamed"), [("ababa", "a"), ("abcab", "b")])
def test_of_an_orchestrated_run_the_likeliest_agent_is_blamed_before_the_likeliest_turn(
    order: str, blamed: str
) -> None:
    found = results(failure(), *(told(number, "x", name) for number, name in enumerate(order, 2)))
    outcome = found.executions.select("execution_id", "status", "success", "success_source")
    weights = scorer.Weights(rules={}, traits={"second": 0.5}, elsewhere=0.0)  # b: e^0.5 + 1 = 2.6, a: 3 turns of 1
    first, *others = json.loads(locate(found.steps, outcome, weights=weights)["suspects"][0])
    assert order[int(first["step_id"], 16) - 2] == blamed
    assert max(other["score"] for other in [first, *others]) == pytest.approx(1.65 / 5.65, abs=0.002)


def test_a_rule_on_an_action_names_the_action_and_the_call_that_asked_as_its_cause() -> None:
    asks = told(4, "", "b", asked_tools=["lookup"], asked_call_ids=[""])
    rows = (
        failure(),
        told(2, "x", "a"),
        told(3, "y", "b"),
        asks,
        tool(5, result="Error: not found"),
        told(6, "z", "a"),
    )
    found = execution(*rows)
    assert (found["failing_step_id"], found["cause_step_id"], found["failure_kind"]) == (5, 4, "tool_error")
    assert found["failure_reason"].startswith("the result of lookup reads like an error")


def test_a_rule_that_is_sure_comes_before_any_ranking() -> None:
    rows = (failure(), call(2, asks="lookup"), failed(tool(3)), told(4, "It costs 12 and 13 and 14."))
    assert execution(*rows)["failure_reason"].startswith("lookup failed")


def test_a_turn_that_no_rule_names_is_told_by_what_speaks_for_it() -> None:
    said = suspects(failure(), told(2, "Hello."), told(3, "It is 1 2 3 4 5 6 7 8 9."), told(4, "So."), told(5, "Bye."))
    assert said[0]["step_id"] == f"{3:016x}"
    assert "numbers that stood nowhere before" in said[0]["reason"]
    assert (said[0]["kind"], said[0]["rule"]) == ("unknown", None)


def test_new_numbers_are_those_that_neither_the_input_nor_a_step_before_holds() -> None:
    rows = (
        failure(input="order 17"),
        told(2, "17 and 18"),
        call(3, asks="lookup"),
        tool(4, result="19", arguments="20"),
        told(5, "17 18 19 20 21", input="22"),
        told(6, "22"),
    )
    found = turns(*rows)["new_numbers"].exp().round().cast(pl.Int64) - 1
    assert found.to_list() == [1, 0, 1, 0]


def test_who_leads_and_who_works_is_read_from_the_order_of_turns_alone() -> None:
    order = ("a", "b", "a", "c", "a")
    found = results(failure(), *(told(number, "x", name) for number, name in enumerate(order, 2)))
    seen = crew.turns(evidence.prepare(found.steps, found.executions))
    assert seen["orchestrated"].all()
    assert seen["worker"].to_list() == [False, True, False, True, False]
    assert seen["took_up"].to_list() == [False, False, True, False, True]
    assert seen["workers_before"].to_list() == [0, 0, 1, 1, 2]
    talk = results(failure(), *(told(number, "x", name) for number, name in enumerate("abcab", 2)))
    assert not crew.turns(evidence.prepare(talk.steps, talk.executions))["orchestrated"].any()


def features(*rows: Row) -> pl.DataFrame:
    found = results(*rows)
    prepared = evidence.prepare(found.steps, found.executions)
    return scorer.features(prepared, rules.fired(prepared))


def test_what_tells_of_an_agent_is_the_same_for_all_its_turns() -> None:
    rows = (failure(), *(told(number, "x", name) for number, name in enumerate("abacacaba", 2)))
    seen = features(*rows)
    assert seen["leads_several"].to_list() == [1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert seen["of_late_worker"].to_list() == [0, 0, 0, 1, 0, 1, 0, 0, 0]


def test_an_agent_that_leads_one_other_leads_not_several() -> None:
    seen = features(failure(), *(told(number, "x", name) for number, name in enumerate("ababa", 2)))
    assert seen.select("leads_several", "of_late_worker").sum().row(0) == (0, 0)


def test_what_was_taken_back_speaks_for_all_turns_of_its_agent_where_one_leads() -> None:
    said = ("go on", "it is 7", "that was a mistake", "it is 8", "fine")
    rows = (failure(), *(told(number, *turn) for number, turn in enumerate(zip(said, "ababa", strict=True), 2)))
    assert features(*rows)["taken_back"].to_list() == [0, 1, 0, 1, 0]
    talk = (failure(), *(told(number, *turn) for number, turn in enumerate(zip(said, "abcab", strict=True), 2)))
    assert features(*talk)["taken_back"].sum() == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_ranking_depends_neither_on_the_order_of_rows_nor_on_other_executions(seed: int) -> None:
    one = [failure(), told(2, "7", "a"), told(3, "Sorry, 8", "b"), told(4, "9 and 10", "a")]
    others = [
        {
            **row,
            "trace_id": f"{2:032x}",
            "span_id": row["span_id"] + 100,
            "parent_span_id": row["parent_span_id"] and 101,
        }
        for row in (failure(), told(2, "1 2 3"), told(3, "I made a mistake"))
    ]
    rows = [*one, *others]
    random.Random(seed).shuffle(rows)
    together = results(*rows).executions.sort("started_at", "execution_id")
    assert together["suspects"][0] == execution(*one)["suspects"]


# bad input


def test_an_execution_of_one_turn_names_it_and_is_not_certain() -> None:
    found = execution(failure(), told(2, "12"))
    assert found["failing_step_id"] == 2
    assert found["failure_confidence"] < 1


def test_an_execution_without_model_calls_or_of_the_root_alone_is_of_unknown_kind() -> None:
    assert execution(failure())["failure_kind"] == "unknown"
    assert execution(failure())["failing_step_id"] is None


def test_without_times_the_order_is_that_of_the_index() -> None:
    rows = [failure(at=0, took=0)]
    rows += [told(20 - number, f"{number}" * number, at=0, took=0, step_index=number) for number in range(1, 6)]
    timed = [failure(), *(told(number + 1, f"{number}" * number, step_index=None) for number in range(1, 6))]
    scores = [[suspect["score"] for suspect in suspects(*given)] for given in (rows, timed)]
    assert scores[0] == scores[1]


def test_of_an_unknown_outcome_no_turn_is_suspected() -> None:
    assert execution(agent(), told(2, "Let us assume 7."), told(3, "Sorry, 8."))["suspects"] is None


def test_contradictory_evaluations_are_settled_before_and_the_stronger_witness_is_named() -> None:
    both = pl.concat([
        evaluation(source="LLM", score=1.0),
        evaluation(source="HUMAN", trusted=True, label="fail", occurred_at=NOON + 1),
    ])  # fmt: skip
    found = execution(agent(), call(2), told(3, "7"), evaluations=both)
    assert "a person" in found["failure_reason"]


def test_an_expectation_that_names_tools_nobody_knows_blames_what_was_never_called() -> None:
    rows = (failure(expectation='{"tools": ["no_such_tool"]}'), call(2, asks="lookup"), tool(3), told(4, "done"))
    assert any("no_such_tool was expected and never called" in suspect["reason"] for suspect in suspects(*rows))


def test_scores_that_are_no_number_judge_nothing() -> None:
    assert (
        execution(agent(), call(2), evaluations=evaluation(source="LLM", score=float("nan")))["failing_step_id"] is None
    )


def test_ten_thousand_steps_are_ranked() -> None:
    rows = [failure(took=20_000)]
    rows += [told(number, f"turn {number}", "ab"[number % 2]) for number in range(2, 5_002)]
    rows += [span(number, 1, type="other") for number in range(5_002, 10_001)]
    said = suspects(*rows, as_of=NOON + 10**14)
    assert 1 <= len(said) <= scorer.TURNS_NAMED
