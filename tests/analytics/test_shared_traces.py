"""Several tasks inside one trace of an application."""

from __future__ import annotations

from typing import Any

import pytest
from frames import agent, call, evaluation, results, span, tool, trace
from hypothesis import given, settings
from hypothesis import strategies as st

from whichstep_analytics.job import Recomputed

FIRST, SECOND = "aa" * 16, "bb" * 16


def keyed(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {**row, "execution_key": key, "execution_rule": "explicit"}


def a_request() -> list[dict[str, Any]]:
    """A web request (1) that runs two tasks (2, 5); one call below each is not stamped."""
    return [
        span(1, type="none", kind="server", at=0, took=50),
        keyed(agent(2, 1, took=10, task_id="T-1"), FIRST),
        call(3, 2),
        keyed(tool(4, 2), FIRST),
        keyed(agent(5, 1, at=20, took=10, task_id="T-2"), SECOND),
        span(6, 5, type="none", at=21),
        call(7, 6, at=22, input_tokens=7),
    ]


def told(found: Recomputed) -> dict[str, tuple[Any, ...]]:
    names = ("execution_id", "task_id", "status", "step_count", "span_count", "input_tokens", "trace_ids")
    return {row[0]: row[1:] for row in found.executions.select(names).iter_rows()}


def test_tasks_of_one_trace_with_ids_of_their_own_are_executions_of_their_own() -> None:
    assert told(results(*a_request())) == {
        FIRST: ("T-1", "ok", 3, 3, 100, [trace(1)]),
        SECOND: ("T-2", "ok", 2, 3, 7, [trace(1)]),
    }


def test_each_execution_of_a_shared_trace_has_a_row_of_the_mapping_and_its_rest_is_none() -> None:
    found = results(*a_request()).mapping.select("trace_id", "execution_id", "rule").rows()
    rest = (trace(1), trace(1), "setup")
    assert found == [rest, (trace(1), FIRST, "explicit"), (trace(1), SECOND, "explicit")]


def test_a_task_ends_though_the_request_around_it_goes_on() -> None:
    rows = [{**row, "ended_at": None} if row["span_id"] == 1 else row for row in a_request()]
    assert set(results(*rows).executions["status"]) == {"ok"}


def test_the_top_step_of_a_task_has_no_parent_in_another_execution() -> None:
    found = results(keyed(agent(1), FIRST), keyed(agent(2, 1), SECOND), keyed(call(3, 2), SECOND)).steps
    assert found.select("execution_id", "step_id", "parent_step_id", "path").rows() == [
        (FIRST, 1, None, "support"),
        (SECOND, 2, None, "support"),
        (SECOND, 3, 2, "support/gpt-4o-mini"),
    ]


def test_work_beside_the_tasks_is_an_execution_called_after_the_trace() -> None:
    found = results(*a_request(), agent(8, 1, at=40))
    assert set(told(found)) == {FIRST, SECOND, trace(1)}


def test_work_beside_the_tasks_belongs_to_the_one_called_after_the_trace() -> None:
    rows = [keyed(row, trace(1)) if row["execution_key"] == FIRST else row for row in a_request()]
    found = results(*rows, tool(8, 1, at=40))
    assert {execution: facts[2] for execution, facts in told(found).items()} == {trace(1): 4, SECOND: 2}
    assert found.mapping["execution_id"].to_list() == [trace(1), SECOND]


def test_a_trace_with_one_id_is_one_execution_stamped_or_not() -> None:
    assert list(told(results(keyed(agent(2, 1), FIRST), call(3, 2), tool(4)))) == [FIRST]


def test_a_shared_trace_leaves_others_as_they_are() -> None:
    found = told(results(*a_request(), agent(1, trace_id=2), call(2, trace_id=2)))
    assert set(found) == {FIRST, SECOND, trace(2)}
    assert found[trace(2)][3] == 2


@pytest.mark.parametrize(
    "said", [{"span_id": 7, "label": "pass"}, {"execution_id": SECOND, "label": "pass"}, {"execution_id": SECOND, "span_id": 3, "label": "pass"}]
)  # fmt: skip
def test_what_is_said_in_a_shared_trace_is_said_of_one_execution(said: dict[str, Any]) -> None:
    found = results(*a_request(), evaluations=evaluation(**said)).executions
    assert dict(found.select("execution_id", "success").iter_rows()) == {FIRST: None, SECOND: True}


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(8)))
def test_the_executions_of_a_shared_trace_do_not_depend_on_the_order_of_spans(order: list[int]) -> None:
    rows = [*a_request(), agent(8, 1, at=40)]
    expected, found = results(*rows), results(*(rows[index] for index in order))
    assert all(frame.equals(other) for frame, other in zip(expected, found, strict=True))
