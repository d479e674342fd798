"""Two sights of one model call of which neither stands above the other."""

from __future__ import annotations

from typing import Any

import pytest
from frames import agent, call, results, trace

OUTER = {"dialect": "openinference", "response_id": "r", "merge_key": "llm_call", "at": 2.0, "took": 3}
INNER = {"dialect": "anthropic", "response_id": "r", "merge_key": "llm_call", "at": 2.5, "took": 2}


def test_side_by_side_under_one_agent_they_are_one_step() -> None:
    found = results(agent(), call(2, **OUTER), call(3, **INNER))
    assert found.steps["span_ids"].to_list() == [[1], [2, 3]]
    assert found.executions["input_tokens"].to_list() == [100]


@pytest.mark.parametrize("key", [None, trace(9)], ids=["without a run key", "one with a run key"])
def test_in_two_traces_they_are_one_step_of_one_execution(key: str | None) -> None:
    known = {} if key is None else {"execution_key": key, "execution_rule": "run_key"}
    found = results(call(2, None, **OUTER, **known), call(3, None, trace_id=2, **INNER))
    assert found.mapping["execution_id"].to_list() == [trace(1), trace(1)]
    assert found.mapping["rule"].to_list() == ["run_key", "run_key"]
    assert found.steps["span_ids"].to_list() == [[2, 3]]
    assert found.executions["input_tokens"].to_list() == [100]


def test_the_second_sight_follows_its_call_into_a_run_of_several_traces() -> None:
    run = {"execution_key": trace(9), "execution_rule": "run_key"}
    first = call(2, None, **OUTER, **run)
    later = call(4, None, trace_id=3, **{**OUTER, "response_id": "s", "at": 20.0}, **run)
    again = call(5, None, trace_id=4, **{**INNER, "response_id": "s", "at": 20.5})
    found = results(first, call(3, None, trace_id=2, **INNER), later, again)
    assert found.mapping["execution_id"].unique().to_list() == [trace(1)]
    assert found.executions["llm_call_count"].to_list() == [2]


@pytest.mark.parametrize(
    "change",
    [{"response_id": "other"}, {"response_id": None}, {"dialect": "openinference"}, {"took": 30}, {"took": -1}],
    ids=["another id", "no id", "the same dialect", "longer than the other", "not ended"],
)
def test_without_evidence_they_stay_two(change: dict[str, Any]) -> None:
    found = results(call(2, None, **OUTER), call(3, None, trace_id=2, **{**INNER, **change}))
    assert found.mapping["execution_id"].to_list() == [trace(1), trace(2)]


def test_an_id_that_every_call_tells_joins_only_what_lies_within_another() -> None:
    first, second = call(1, None, **OUTER), call(2, None, trace_id=2, **INNER)
    later = [call(3, None, trace_id=3, **{**OUTER, "at": 20.0}), call(4, None, trace_id=4, **{**INNER, "at": 20.5})]
    found = results(first, second, *later).mapping
    assert dict(found.select("trace_id", "execution_id").iter_rows()) == {
        trace(1): trace(1), trace(2): trace(1), trace(3): trace(3), trace(4): trace(3),
    }  # fmt: skip


def test_a_call_that_holds_the_other_already_stays_above_it() -> None:
    found = results(agent(), call(2, **INNER), call(3, 2, **OUTER))
    assert found.steps["span_ids"].to_list() == [[1], [2, 3]]
