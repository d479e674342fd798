from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from whichstep_dashboards import step_tree


def _step(position, parent=None, name="call", **more):
    return {
        "step_id": f"{position:016x}",
        "parent_step_id": None if parent is None else f"{parent:016x}",
        "position": position,
        "name": name,
        "type": "tool_call",
        "status": "ok",
        "started_at": f"2026-11-22T10:00:{position % 60:02d}.000000000Z",
        "latency_ms": 500.0,
        **more,
    }


def _shape(rows):
    return [(row.depth, row.name, row.repeats) for row in rows]


def test_rows_are_depth_first_in_order_of_position():
    steps = [_step(1, name="agent"), _step(4, 1, "last"), _step(2, 1, "plan"), _step(3, 2, "inner")]
    rows = step_tree.rows(steps)
    assert _shape(rows) == [(0, "agent", 1), (1, "plan", 1), (2, "inner", 1), (1, "last", 1)]


def test_equal_siblings_in_a_row_become_one_row_with_a_count():
    steps = [_step(1, name="agent"), *(_step(at, 1) for at in range(2, 39))]
    rows = step_tree.rows(steps)
    assert _shape(rows) == [(0, "agent", 1), (1, "call", 37)]
    assert rows[1].latency_ms == 37 * 500.0
    assert rows[1].step_count == 37


def test_rounds_of_a_loop_become_one_row():
    loop = [_step(at, name=("model", "search")[at % 2]) for at in range(2, 12)]
    rows = step_tree.rows([_step(1, name="start"), *loop])
    assert _shape(rows) == [(0, "start", 1), (0, "model → search", 5)]


def test_the_failing_step_is_never_folded_away():
    steps = [_step(at) for at in range(1, 21)]
    rows = step_tree.rows(steps, failing=f"{10:016x}", cause=f"{9:016x}")
    assert [(row.repeats, row.mark) for row in rows] == [(8, ""), (1, "cause"), (1, "failing"), (10, "")]


def test_an_error_among_equal_steps_stands_alone():
    steps = [_step(at, status="error" if at == 5 else "ok") for at in range(1, 11)]
    assert [row.repeats for row in step_tree.rows(steps)] == [4, 1, 5]


def test_nothing_is_folded_when_asked_not_to():
    assert len(step_tree.rows([_step(at) for at in range(1, 21)], fold=False)) == 20


def test_untimed_steps_have_no_bar():
    row = step_tree.rows([_step(1, latency_ms=None, started_at=None)])[0]
    assert (row.start_ms, row.end_ms, row.latency_ms) == (None, None, None)


def test_ten_thousand_nested_steps_need_no_deep_recursion():
    rows = step_tree.rows([_step(at, at - 1 if at > 1 else None) for at in range(1, 10_001)])
    assert rows[-1].depth == 9_999


@given(some.lists(some.integers(0, 30), max_size=30), some.booleans())
def test_each_step_is_in_one_row_whatever_its_parents(parents, fold):
    """Missing parents, cycles and a step that is its own parent included."""
    steps = [_step(at, parent) for at, parent in enumerate(parents, 1)]
    rows = step_tree.rows(steps, fold=fold)
    assert sum(row.step_count for row in rows) == len(steps)


def test_neighbours_follow_positions():
    steps = [_step(3), _step(1), _step(2)]
    assert step_tree.neighbours(steps, f"{2:016x}") == (f"{1:016x}", f"{3:016x}")
    assert step_tree.neighbours(steps, f"{1:016x}") == (None, f"{2:016x}")
