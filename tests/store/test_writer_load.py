from __future__ import annotations

import itertools
import random

import pytest

from store_builders import DAY, NOON, SECOND, batch, content, digest, log, span
from whichstep_store.batches import SPAN_ROW_COLUMNS, JournalPosition

AT = JournalPosition(segment=1, byte_offset=4096)


def live(rows):
    return rows("select trace_id, span_id, name, ended_at, digest from span_rows order by trace_id, span_id")


def test_loaded_rows_are_there_with_every_column(store, rows):
    everything = span(
        tags=["a", "b"],
        linked_trace_ids=[digest("other")],
        execution_key=digest("key"),
        model="m",
        input="hello",
        input_parts=[digest("hello")],
        autonomy_level=2,
        span_id=2**64 - 1,
        started_at=NOON,
    )
    store.writer.load([batch([everything])], AT)
    (stored,) = rows(f"select {', '.join(SPAN_ROW_COLUMNS)} from span_rows")
    (whole,) = rows("select * from span_open")
    assert stored == {name: whole[name] for name in SPAN_ROW_COLUMNS}
    assert (whole["span_id"], whole["tags"], whole["autonomy_level"]) == (2**64 - 1, ["a", "b"], 2)
    assert (whole["input"], len(whole["input_parts"]), len(whole["linked_trace_ids"])) == ("hello", 1, 1)


def test_loading_the_same_batch_again_adds_nothing(store, rows):
    received = batch([span(1, 1), span(1, 2)], [content(1, "text")], [log(1)])
    first = store.writer.load([received], AT)
    before = {table: rows(f"select * from {table}") for table in ("span_rows", "span_open", "content_open", "log_rows")}
    again = store.writer.load([received, received], AT)
    assert (first.rows, first.duplicates) == (3, 0)
    assert (again.rows, again.duplicates, again.conflicts) == (0, 6, 0)
    assert before == {table: rows(f"select * from {table}") for table in before}


def test_a_duplicate_inside_one_load_is_stored_once(store, rows):
    report = store.writer.load([batch([span(1, 1)]), batch([span(1, 1), span(1, 2)])], AT)
    assert (report.rows, report.duplicates) == (2, 1)
    assert len(live(rows)) == 2


def test_one_span_id_in_two_traces_is_two_spans(store, rows):
    store.writer.load([batch([span(1, 1), span(2, 1)])], AT)
    assert len(live(rows)) == 2


def test_a_retry_received_later_is_a_duplicate_although_it_arrives_in_another_batch_of_days(store, rows):
    old = [span(day, 1, started_at=NOON - day * DAY) for day in range(3)]
    store.writer.load([batch(old)], AT)
    report = store.writer.load([batch([*old, span(9, 9)])], AT)
    assert (report.rows, report.duplicates) == (1, 3)


def test_a_retry_of_a_span_without_a_start_time_is_a_duplicate(store):
    first = span(1, 1, started_at=NOON, flags=["no_start"], digest=digest("sent"))
    retried = span(1, 1, started_at=NOON + 30 * SECOND, flags=["no_start"], digest=digest("sent"))
    store.writer.load([batch([first])], AT)
    assert store.writer.load([batch([retried])], AT).duplicates == 1


VERSIONS = {
    "start record": span(1, 1, ended_at=None, pending=True, attribute_count=9),
    "ended": span(1, 1, attribute_count=3, name="ended"),
    "ended with more": span(1, 1, attribute_count=4, name="ended with more", input="best"),
    "other of the same size": span(1, 1, attribute_count=4, name="other of the same size", input="best too"),
}


@pytest.mark.parametrize("apart", [False, True], ids=["one load", "one load each"])
def test_the_same_version_of_a_span_wins_in_any_order_of_arrival(tmp_path, clock, apart):
    from whichstep_store.store import Store

    outcomes = set()
    for number, order in enumerate(itertools.permutations(VERSIONS)):
        with Store.open(tmp_path / f"{number}", clock=clock) as store:
            loads = [[name] for name in order] if apart else [list(order)]
            reports = [store.writer.load([batch([VERSIONS[name] for name in names])], AT) for names in loads]
            found = store._database.read("select name, digest from span_rows").to_pylist()
            texts = store._database.read("select input, digest from span_open").to_pylist()
            assert len(found) == len(texts) == 1
            assert found[0]["digest"] == texts[0]["digest"]
            assert sum(report.rows for report in reports) == 1
            assert sum(report.conflicts + report.completed for report in reports) == 3
            outcomes.add((found[0]["name"], texts[0]["input"]))
    assert len(outcomes) == 1
    assert next(iter(outcomes))[0] in {"ended with more", "other of the same size"}


def test_a_start_record_that_ends_is_no_conflict(store):
    store.writer.load([batch([VERSIONS["start record"]])], AT)
    report = store.writer.load([batch([VERSIONS["ended"]])], AT)
    assert (report.rows, report.completed, report.conflicts, report.duplicates) == (0, 1, 0, 0)


def test_shuffled_and_repeated_arrivals_leave_the_same_rows(tmp_path, clock):
    from whichstep_store.store import Store

    spans = [span(t, s, attribute_count=v, name=f"v{v}") for t in range(4) for s in range(1, 6) for v in range(3)]
    outcomes = []
    for seed in range(3):
        order = spans * 2
        random.Random(seed).shuffle(order)
        with Store.open(tmp_path / f"{seed}", clock=clock) as store:
            for start in range(0, len(order), 17):
                store.writer.load([batch(order[start : start + 17])], AT)
            outcomes.append(store._database.read("select * from span_rows order by trace_id, span_id").to_pylist())
    assert len(outcomes[0]) == 20
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_text_is_stored_once_a_trace(store, rows):
    received = batch((), [content(1, "hello"), content(1, "hello"), content(2, "hello")])
    store.writer.load([received, received], AT)
    store.writer.load([received], AT)
    assert len(rows("select * from content_open")) == 2


def test_a_log_record_is_stored_once(store, rows):
    report = store.writer.load([batch((), (), [log(1), log(1), log(None, body="{}")])], AT)
    assert (report.rows, report.duplicates) == (2, 1)
    assert len(rows("select * from log_rows")) == len(rows("select * from log_open")) == 2


def test_the_journal_position_moves_with_the_rows(store):
    assert store.reader.journal_position() is None
    store.writer.load([batch([span()])], AT)
    assert store.reader.journal_position() == AT


def test_an_empty_load_moves_the_position_only(store, rows):
    report = store.writer.load([batch()], AT)
    assert (report.rows, store.reader.journal_position()) == (0, AT)
    assert store.writer.load([], None).rows == 0


def test_a_load_touches_the_traces_with_new_rows_only(store, clock):
    store.writer.load([batch([span(1, 1), span(1, 2, parent_span_id=1), span(2, 1, parent_span_id=7)])], AT)
    clock.advance(5)
    store.writer.load([batch([span(1, 1), span(2, 2, parent_span_id=1)])], AT)
    found = {row["trace_id"]: row for row in store.reader.touched().to_pylist()}
    one, two = found[span(1)["trace_id"].hex()], found[span(2)["trace_id"].hex()]
    assert (one["span_count"], one["root_ended"], one["known_span_count"]) == (2, True, 0)
    assert (two["span_count"], two["root_ended"]) == (2, False)
    assert one["first_touched_at"] == one["touched_at"]
    assert two["first_touched_at"] < two["touched_at"]


def test_marks_get_later_although_the_clock_goes_back(store, clock, rows):
    for _ in range(3):
        store.writer.load([batch([span(1, _ + 1)])], AT)
        clock.advance(-10)
    marks = [row["at"] for row in rows("select epoch_ns(touched_at) as at from touched_traces order by rowid")]
    assert marks == sorted(set(marks))
