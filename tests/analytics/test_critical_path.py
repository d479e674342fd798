"""Which steps an execution's time is made of."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from frames import NOON, SECOND, agent, call, results, span, steps, tool
from hypothesis import given, settings
from hypothesis import strategies as st

from whichstep_analytics.jobs import critical_path


def seconds(*spans: dict[str, Any]) -> dict[int, float | None]:
    found = steps(*spans)
    return {row["step_id"]: None if row["critical_path_ms"] is None else row["critical_path_ms"] / 1e3 for row in found.iter_rows(named=True)}  # fmt: skip


def test_steps_in_turn_share_the_time_of_the_agent_and_it_keeps_the_gaps() -> None:
    found = seconds(agent(at=0, took=10), call(2, at=1, took=3), tool(3, at=5, took=4))
    assert found == {1: 3, 2: 3, 3: 4}


def test_of_steps_side_by_side_only_the_one_that_was_waited_for_counts() -> None:
    found = seconds(agent(at=0, took=10), tool(2, at=1, took=2), tool(3, at=1, took=7), tool(4, at=1, took=5))
    assert found == {1: 3, 2: 0, 3: 7, 4: 0}


def test_what_stands_under_a_step_beside_the_path_is_beside_it_too() -> None:
    found = seconds(agent(at=0, took=10), agent(2, 1, at=0, took=4), call(3, 2, at=1, took=2), tool(4, at=0, took=10))
    assert found == {1: 0, 2: 0, 3: 0, 4: 10}


def test_a_step_that_outlives_the_one_above_counts_until_that_one_ends() -> None:
    assert seconds(agent(at=0, took=5), agent(2, 1, at=3, took=10), call(3, 2, at=4, took=8)) == {1: 3, 2: 1, 3: 1}


def test_untimed_and_running_steps_have_no_part_and_are_looked_through() -> None:
    found = seconds(agent(at=0, took=10), span(2, 1, at=1, took=-1), tool(3, 2, at=2, took=5))
    assert found == {1: 5, 2: None, 3: 5}


def test_waits_for_people_are_no_work_of_the_execution() -> None:
    wait = span(3, 1, type="approval", at=3, took=6)
    (execution,) = results(agent(at=0, took=10), call(2, at=0, took=2), wait).executions.to_dicts()
    assert execution["critical_path_ms"] == 4_000


@pytest.mark.parametrize("open_step", [tool(2, at=1, took=-1), span(2, 1, type="approval", at=1, took=-1)], ids=["running", "waiting"])  # fmt: skip
def test_the_path_of_an_execution_is_unknown_while_a_step_runs(open_step: dict[str, Any]) -> None:
    (execution,) = results(agent(at=0, took=10), open_step).executions.to_dicts()
    assert execution["critical_path_ms"] is None


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[int | None, int, int]]:
    """(row of the step above, start, end) of steps, each step after the one above it."""
    rows: list[tuple[int | None, int, int]] = [(None, 0, draw(st.integers(1, 30)))]
    for number in range(1, draw(st.integers(1, 14))):
        start = draw(st.integers(0, 30))
        rows.append((draw(st.integers(0, number - 1)), start, start + draw(st.integers(0, 15))))
    return rows


@settings(max_examples=150, deadline=None)
@given(trees())
def test_many_steps_at_once_are_walked_as_one_by_one(rows: list[tuple[int | None, int, int]]) -> None:
    found = critical_path.of_steps(pl.DataFrame({
        "execution_id": ["e"] * len(rows),
        "parent_at": pl.Series([above for above, _, _ in rows], dtype=pl.UInt32),
        "started_at": pl.Series([NOON + start * SECOND for _, start, _ in rows]).cast(pl.Datetime("ns")),
        "ended_at": pl.Series([NOON + end * SECOND for _, _, end in rows]).cast(pl.Datetime("ns")),
        "latency_ms": [(end - start) * 1e3 for _, start, end in rows],
    }))  # fmt: skip
    assert [value / 1e3 for value in found] == walked(rows)
    assert found.sum() / 1e3 == rows[0][2]


def walked(rows: list[tuple[int | None, int, int]]) -> list[float]:
    """The walk of Jaeger and CRISP, step by step."""
    own = [0.0] * len(rows)

    def walk(row: int, start: int, end: int) -> None:
        own[row] += end - start
        began = end
        below = [
            (min(child_end, end), max(child_start, start), number)
            for number, (above, child_start, child_end) in enumerate(rows)
            if above == row
        ]
        for child_end, child_start, number in sorted(below, reverse=True):
            if child_start < child_end <= began:
                own[row] -= child_end - child_start
                walk(number, child_start, child_end)
                began = child_start

    walk(0, 0, rows[0][2])
    return own
