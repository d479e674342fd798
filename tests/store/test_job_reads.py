from __future__ import annotations

import pytest

from store_builders import DAY, NOON, SECOND, batch, digest, log, results, span, trace
from whichstep_store.batches import JournalPosition
from whichstep_store.results import (
    EVALUATION_FIELDS,
    JOB_SPAN_COLUMNS,
    NEIGHBOUR_FIELDS,
    STALE_FIELDS,
    TOUCHED_FIELDS,
    TRACE_EXECUTION_FIELDS,
    schema,
)

AT = JournalPosition(1, 0)


def hex_of(number):
    return trace(number).hex()


def placed(number, execution=None, **columns):
    """A stored trace_executions row."""
    started = columns.pop("started_at", NOON + SECOND)
    execution = hex_of(number) if execution is None else execution
    return {
        "trace_id": hex_of(number), "execution_id": execution, "rule": "trace", "started_at": started,
        "ended_at": started + SECOND, **columns,
    }  # fmt: skip


def place(store, *rows, executions=()):
    store.writer.replace_results(results(trace_executions=rows, executions=executions, consumed=consumed(store)))


def consumed(store):
    return store.reader.touched().select(["trace_id", "touched_at"])


def related(store, *numbers, since=NOON, until=NOON + 100 * SECOND):
    found = store.reader.job_inputs([hex_of(number) for number in numbers], since=since, until=until)
    return {row["trace_id"] for row in found.spans.select(["trace_id"]).to_pylist()}


def test_inputs_have_the_columns_that_the_jobs_expect(store):
    store.writer.load([batch([span(1, 1, input="hello", execution_key=digest("k"))], (), [log(1)])], AT)
    place(store, placed(1), executions=[{"execution_id": hex_of(1), "session_id": "s"}])
    inputs = store.reader.job_inputs([hex_of(1)], since=NOON, until=NOON + DAY)
    assert tuple(inputs.spans.column_names) == JOB_SPAN_COLUMNS
    assert inputs.spans["input"].to_pylist() == ["hello"]
    assert inputs.spans["execution_key"].to_pylist() == [digest("k").hex()]
    assert inputs.spans.schema.field("started_at").type == "timestamp[ns]"
    assert inputs.evaluations.schema.equals(schema_of(EVALUATION_FIELDS))
    assert inputs.trace_executions.schema.equals(schema_of(TRACE_EXECUTION_FIELDS))
    assert inputs.neighbours.schema.equals(schema_of(NEIGHBOUR_FIELDS))
    assert store.reader.touched().schema.equals(schema_of(TOUCHED_FIELDS))
    stale = store.reader.stale(result_version=9, open_before=0, limit=5)
    assert stale.schema.equals(schema_of(STALE_FIELDS))


def schema_of(fields):
    """DuckDB marks no column as not null in Arrow."""
    import pyarrow as pa

    return pa.schema([pa.field(one.name, _unnamed(one.type)) for one in schema(fields)])


def _unnamed(kind):
    import pyarrow as pa

    return pa.list_(pa.field("l", kind.value_type)) if pa.types.is_list(kind) else kind


def test_spans_outside_the_bounds_are_not_read(store):
    store.writer.load([batch([span(1, 1), span(1, 2, started_at=NOON + 3 * DAY)])], AT)
    inputs = store.reader.job_inputs([hex_of(1)], since=NOON, until=NOON + DAY)
    assert inputs.spans["span_id"].to_pylist() == [1]


def test_a_stored_trace_brings_its_earlier_spans_along(store):
    store.writer.load([batch([span(1, 1)])], AT)
    place(store, placed(1))
    store.writer.load([batch([span(1, 2, started_at=NOON + 3 * DAY)])], AT)
    inputs = store.reader.job_inputs([hex_of(1)], since=NOON + 3 * DAY, until=NOON + 3 * DAY)
    assert sorted(inputs.spans["span_id"].to_pylist()) == [1, 2]


@pytest.mark.parametrize("seconds", [0, 60], ids=["sealed a moment ago", "sealed a minute ago"])
def test_sealed_and_open_spans_are_read_once_each_as_they_are_now(store, clock, seconds):
    known = [span(1, 1, input="hello", pending=True, ended_at=None), span(1, 2, output="x" * 1000), span(2, 3)]
    store.writer.load([batch(known)], AT)
    store.writer.seal(force=True)
    clock.advance(seconds)
    store.writer.seal()
    store.writer.load([batch([span(1, 1, input="hello again"), span(1, 4)])], JournalPosition(2, 0))
    spans = store.reader.job_inputs([hex_of(1)], since=NOON, until=NOON + DAY).spans.sort_by("span_id")
    assert spans.select(["span_id", "pending", "input", "output"]).to_pylist() == [
        {"span_id": 1, "pending": False, "input": "hello again", "output": None},
        {"span_id": 2, "pending": False, "input": None, "output": "x" * 1000},
        {"span_id": 4, "pending": False, "input": None, "output": None},
    ]


def test_spans_sealed_a_moment_ago_are_read_from_memory(store, clock):
    store.writer.load([batch([span(1, 1)])], AT)
    (sealed,) = store.writer.seal(force=True)
    store.segments.file(sealed.segment_id).unlink()
    assert related(store, 1) == {hex_of(1)}
    clock.advance(60)
    store.writer.seal()
    assert related(store, 1) == set()


@pytest.mark.parametrize("seen", [True, False], ids=["placed by the jobs", "not seen by the jobs yet"])
class TestRelated:
    def load(self, store, seen, other, **facts):
        store.writer.load([batch([other])], AT)
        if seen:
            place(store, placed(2, **facts))
        store.writer.load([batch([span(3, 1, execution_key=digest("unrelated"))])], AT)

    def test_traces_of_one_execution_key_come_together(self, store, seen):
        key = digest("key")
        self.load(store, seen, span(2, 1, execution_key=key), execution_key=key.hex())
        store.writer.load([batch([span(1, 1, execution_key=key)])], AT)
        assert related(store, 1) == {hex_of(1), hex_of(2)}

    def test_a_linked_trace_comes_along(self, store, seen):
        self.load(store, seen, span(2, 1))
        store.writer.load([batch([span(1, 1, links_join=True, linked_trace_ids=[trace(2)])])], AT)
        assert related(store, 1) == {hex_of(1), hex_of(2)}

    def test_a_trace_that_links_here_comes_along(self, store, seen):
        other = span(2, 1, links_join=True, linked_trace_ids=[trace(1)])
        self.load(store, seen, other, links=[hex_of(1)])
        store.writer.load([batch([span(1, 1)])], AT)
        assert related(store, 1) == {hex_of(1), hex_of(2)}

    def test_another_sight_of_the_same_root_call_comes_along(self, store, seen):
        call = {"type": "llm_call", "response_id": "r", "ended_at": NOON + 10 * SECOND}
        self.load(store, seen, span(2, 1, **call, dialect="openinference"))
        within = {"started_at": NOON + SECOND, "ended_at": NOON + 9 * SECOND}
        store.writer.load([batch([span(1, 1, **{**call, **within}, dialect="anthropic")])], AT)
        assert related(store, 1) == {hex_of(1), hex_of(2)}

    def test_a_made_up_response_id_that_a_later_call_tells_again_brings_nothing(self, store, seen):
        call = {"type": "llm_call", "response_id": "r"}
        self.load(store, seen, span(2, 1, **call, ended_at=NOON + SECOND, dialect="openinference"))
        later = {"started_at": NOON + 2 * SECOND, "ended_at": NOON + 3 * SECOND}
        store.writer.load([batch([span(1, 1, **call, **later, dialect="anthropic")])], AT)
        assert related(store, 1) == {hex_of(1)}

    def test_links_that_do_not_join_bring_nothing(self, store, seen):
        self.load(store, seen, span(2, 1))
        store.writer.load([batch([span(1, 1, linked_trace_ids=[trace(2)])])], AT)
        assert related(store, 1) == {hex_of(1)}


def test_chains_of_links_are_followed_to_their_end(store):
    chain = [span(n, 1, links_join=True, linked_trace_ids=[trace(n + 1)]) for n in range(1, 8)]
    store.writer.load([batch([*chain, span(8, 1), span(9, 1)])], AT)
    assert related(store, 1) == {hex_of(n) for n in range(1, 9)}


def test_a_waiting_trace_of_the_session_comes_along_with_what_resumes_it(store):
    turns = {2: NOON, 3: NOON + 10 * SECOND, 4: NOON + 30 * SECOND, 5: NOON + 40 * SECOND}
    store.writer.load([batch([span(n, 1, started_at=at, session_id="s") for n, at in turns.items()])], AT)
    waiting = {2: False, 3: True, 4: False, 5: False}
    place(store, *(placed(n, started_at=at, session_id="s", waiting=waiting[n]) for n, at in turns.items()))
    store.writer.load([batch([span(1, 1, started_at=NOON + 20 * SECOND, session_id="s")])], AT)
    assert related(store, 1) == {hex_of(1), hex_of(3), hex_of(4)}


def test_the_execution_that_is_run_again_comes_along(store):
    store.writer.load([batch([span(2, 1)])], AT)
    place(store, placed(2))
    store.writer.load([batch([span(1, 1, rerun_of=trace(2))])], AT)
    assert related(store, 1) == {hex_of(1), hex_of(2)}


def test_an_execution_is_never_read_in_part(store):
    store.writer.load([batch([span(n, 1) for n in (1, 2, 3)])], AT)
    place(store, *(placed(n, execution=hex_of(1)) for n in (1, 2, 3)))
    assert related(store, 2) == {hex_of(1), hex_of(2), hex_of(3)}


def test_evaluations_are_found_by_trace_execution_and_response(store):
    logs = [
        log(1, evaluation_name="by trace"),
        log(None, evaluation_name="by execution", execution_key=digest("key")),
        log(None, evaluation_name="by response", response_id="r-1"),
        log(2, evaluation_name="of another"),
        log(1, evaluation_name=None, event_name="gen_ai.user.message"),
    ]
    store.writer.load([batch([span(1, 1, execution_key=digest("key"), response_id="r-1")], (), logs)], AT)
    found = store.reader.job_inputs([hex_of(1)], since=NOON, until=NOON + DAY).evaluations
    assert sorted(found["name"].to_pylist()) == ["by execution", "by response", "by trace"]
    assert set(found["trusted"].to_pylist()) == {False}


def test_a_log_record_of_a_known_execution_touches_its_traces(store):
    store.writer.load([batch([span(1, 1, execution_key=digest("key"))])], AT)
    place(store, placed(1, execution=digest("key").hex(), execution_key=digest("key").hex()))
    assert store.reader.touched().num_rows == 0
    store.writer.load([batch((), (), [log(None, execution_key=digest("key"))])], AT)
    assert store.reader.touched()["trace_id"].to_pylist() == [hex_of(1)]


def test_neighbours_are_the_executions_of_the_same_sessions_and_reruns(store):
    executions = [
        {"execution_id": hex_of(2), "session_id": "s", "turn": 1},
        {"execution_id": hex_of(3), "session_id": "other"},
        {"execution_id": hex_of(4), "rerun_of": hex_of(1)},
    ]
    store.writer.load([batch([span(1, 1, session_id="s")])], AT)
    place(store, placed(1), executions=executions)
    found = store.reader.job_inputs([hex_of(1)], since=NOON, until=NOON + DAY).neighbours
    assert set(found["execution_id"].to_pylist()) == {hex_of(2), hex_of(4)}


def test_stale_are_results_of_an_older_version_and_runs_that_fell_silent(store):
    executions = [
        {"execution_id": hex_of(1), "result_version": 1, "status": "ok"},
        {"execution_id": hex_of(2), "result_version": 2, "status": "running", "last_received_at": NOON},
        {"execution_id": hex_of(3), "result_version": 2, "status": "running", "last_received_at": NOON + DAY},
        {"execution_id": hex_of(4), "result_version": 2, "status": "ok", "last_received_at": NOON},
    ]
    place(store, *(placed(n) for n in (1, 2, 3, 4)), executions=executions)
    ask = {"result_version": 2, "open_before": NOON + SECOND}
    assert store.reader.stale(**ask, limit=10)["trace_id"].to_pylist() == sorted([hex_of(1), hex_of(2)])
    assert store.reader.stale(**ask, limit=1)["trace_id"].to_pylist() == [hex_of(1)]
