"""Records of whole traces beside the spans of them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from frames import NOON, SECOND, agent, call, failed, frame, results, span, tool

from whichstep_analytics.jobs import whole_traces

FACTS = {"session_id": "s", "user_id": "u", "workflow": "refund", "metadata": '{"plan":"gold"}', "release": "1.4"}
WORDS = {"input": "Refund A-1", "output": "Done.", "input_digest": "f" * 32}


def record(**columns: Any) -> dict[str, Any]:
    """As a tool keeps it: it begins before the first step and does not know its end."""
    given = {
        "type": "workflow",
        "flags": ["whole_trace"],
        "took": 0,
        "tags": ["vip"],
        "step_name": "refund",
        "step_index": 0,
    }
    return span(9, None, **{"at": 0.5, **given, **FACTS, **WORDS, **columns})


def test_beside_one_root_it_is_that_root_and_says_what_holds_for_the_execution() -> None:
    spans = [agent(took=20, workflow="support", metadata='{"own":"1"}'), call(2), tool(3), record()]
    alone = results(*spans[:3]).executions.row(0, named=True)
    for order in itertools.permutations(spans):
        found = results(*order)
        assert found.steps["span_ids"].to_list() == [[1, 9], [2], [3]]
        (execution,) = found.executions.to_dicts()
        assert {name: execution[name] for name in FACTS} == FACTS
        assert (execution["tags"], execution["input"], execution["output"]) == (["vip"], "Refund A-1", "Done.")
        assert {name: execution[name] for name in ("started_at", "ended_at", "latency_ms", "status", "service")} == {
            name: alone[name] for name in ("started_at", "ended_at", "latency_ms", "status", "service")
        }


def test_the_words_of_the_root_itself_stand_over_those_of_the_record() -> None:
    (execution,) = results(agent(input="Hi", output="No."), record()).executions.to_dicts()
    assert (execution["input"], execution["output"]) == ("Hi", "No.")


def test_beside_a_root_that_is_no_agent_it_is_no_step() -> None:
    found = results(call(1, None, input="[]"), record())
    assert found.steps.select("span_ids", "type", "input").rows() == [([1], "llm_call", "[]")]
    assert found.executions["session_id"].to_list() == ["s"]


def test_above_several_roots_it_is_a_step_as_long_as_they_are() -> None:
    found = results(agent(1, took=5), failed(agent(2, took=7)), call(3, 2), record())
    assert found.steps.select("span_ids", "parent_step_id", "depth").rows() == [
        ([9], None, 0),
        ([1], 9, 1),
        ([2], 9, 1),
        ([3], 2, 2),
    ]
    assert found.steps["latency_ms"][0] == 8000
    assert found.executions.select("status", "latency_ms", "input").rows() == [("error", 8000, "Refund A-1")]


def test_above_a_root_that_runs_it_runs() -> None:
    found = results(agent(1, took=5), agent(2, took=-1), record(), as_of=NOON + 10 * SECOND)
    assert found.executions["status"].to_list() == ["running"]


def test_alone_it_is_a_step_without_a_latency() -> None:
    found = results(record())
    assert found.steps.select("type", "name", "latency_ms").rows() == [("workflow", "refund", None)]
    assert found.executions.select("status", "latency_ms", "input").rows() == [("ok", None, "Refund A-1")]


@pytest.mark.parametrize("parent", [None, 77], ids=["without a parent", "with one that never came"])
def test_a_root_is_what_has_no_parent_here(parent: int | None) -> None:
    assert results(agent(1, parent), record()).steps["span_ids"].to_list() == [[1, 9]]


def test_other_spans_are_left_as_they_are() -> None:
    spans = frame(agent(), call(2), agent(5, trace_id=2))
    assert whole_traces.settle(spans) is spans
    settled = whole_traces.settle(frame(agent(), call(2), agent(5, trace_id=2), record()))
    assert (
        settled.filter(settled["trace_id"] == f"{2:032x}").to_dicts() == spans.filter(spans["span_id"] == 5).to_dicts()
    )
