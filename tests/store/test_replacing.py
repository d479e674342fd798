from __future__ import annotations

from store_builders import NOON, SECOND, batch, results, span, trace
from whichstep_store.batches import JournalPosition

AT = JournalPosition(1, 0)
A, B, C = (trace(n).hex() for n in (1, 2, 3))


def execution(execution_id, **columns):
    return {"execution_id": execution_id, "trace_ids": [execution_id], "status": "ok", **columns}


def step(execution_id, step_id, **columns):
    return {
        "execution_id": execution_id,
        "trace_id": execution_id,
        "step_id": step_id,
        "span_ids": [step_id],
        **columns,
    }


def test_results_of_an_execution_are_replaced_whole(store, rows):
    store.writer.replace_results(results(executions=[execution(A), execution(B)], steps=[step(A, 1), step(A, 2)]))
    store.writer.replace_results(
        results(replaced=[A], executions=[execution(A, status="error")], steps=[step(A, 3, arguments="{}")])
    )
    assert [row["status"] for row in rows("select status from execution_rows order by status")] == ["error", "ok"]
    assert [row["step_id"] for row in rows("select step_id from step_rows")] == [3]


def test_a_merge_replaces_two_executions_by_one_and_keeps_the_former_id(store, rows):
    store.writer.replace_results(results(executions=[execution(A), execution(B)]))
    merge = results(replaced=[A, B], executions=[execution(A)], aliases=[{"alias": B, "execution_id": A}])
    store.writer.replace_results(merge)
    store.writer.replace_results(merge)
    assert len(rows("select * from execution_rows")) == 1
    assert len(rows("select * from execution_aliases")) == 1


def test_an_alias_of_an_alias_points_at_the_execution_that_there_is(store, rows):
    store.writer.replace_results(results(aliases=[{"alias": B, "execution_id": A}]))
    store.writer.replace_results(results(aliases=[{"alias": A, "execution_id": C}]))
    found = rows(
        "select replace(alias::varchar, '-', '') a, replace(execution_id::varchar, '-', '') e from execution_aliases"
    )
    assert {(row["a"], row["e"]) for row in found} == {(B, C), (A, C)}


def test_the_mapping_of_a_trace_is_replaced(store, rows):
    for execution_id in (A, B):
        mapping = {"trace_id": A, "execution_id": execution_id, "rule": "trace", "links": [C]}
        store.writer.replace_results(results(trace_executions=[mapping]))
    assert len(rows("select * from trace_executions")) == 1


def test_turns_are_set_without_touching_the_rest(store, rows):
    store.writer.replace_results(results(executions=[execution(A, turn=1, agent="a"), execution(B, turn=1)]))
    store.writer.replace_results(results(moved=[{"execution_id": B, "turn": 2}]))
    assert [row["turn"] for row in rows("select turn from execution_rows order by turn")] == [1, 2]


def test_a_mark_that_came_after_the_read_stays(store, clock):
    store.writer.load([batch([span(1, 1), span(2, 1)])], AT)
    seen = store.reader.touched().select(["trace_id", "touched_at"])
    clock.advance(1)
    store.writer.load([batch([span(1, 2)])], AT)
    store.writer.replace_results(results(consumed=seen))
    (left,) = store.reader.touched().to_pylist()
    assert (left["trace_id"], left["span_count"]) == (A, 1)


def test_rows_outside_the_bounds_of_a_replacement_stay(store, rows):
    store.writer.replace_results(results(executions=[execution(A, started_at=NOON)]))
    store.writer.replace_results(results(replaced=[A], since=NOON + SECOND, until=NOON + 2 * SECOND))
    assert len(rows("select * from execution_rows")) == 1


def test_polars_texts_are_accepted(store, rows):
    import polars as pl

    given = results(executions=[execution(A)], trace_executions=[{"trace_id": A, "execution_id": A, "links": [B]}])
    viewed = given._replace(
        executions=pl.DataFrame(given.executions).to_arrow(),
        trace_executions=pl.DataFrame(given.trace_executions).to_arrow(),
    )
    store.writer.replace_results(viewed)
    assert len(rows("select * from execution_rows")) == len(rows("select * from trace_executions")) == 1
