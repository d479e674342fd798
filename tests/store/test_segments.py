from __future__ import annotations

import os

import pytest
from processes import run_apart

from store_builders import DAY, NOON, SECOND, batch, content, digest, log, results, span, trace
from whichstep_store import sealing
from whichstep_store.batches import JournalPosition
from whichstep_store.store import Store

AT, LATER = JournalPosition(3, 512), JournalPosition(3, 768)
RECEIVED = batch([span(t, s, input=f"text {t}.{s}") for t in (1, 2) for s in (1, 2)], [content(1, "whole")], [log(1)])


def wide(store):
    """Every span with its texts, sealed or not, as the view `spans` counts them."""
    return store._database.read("select trace_id, span_id, name, attributes from public.spans order by all").to_pylist()


def texts(store):
    return store._database.read("select * from content_open union select * from sealed_content").to_pylist()


def files(store):
    return sorted(path.name.rpartition("-")[0] for path in (store.data_dir / "segments").iterdir())


def test_sealing_changes_no_answer(store):
    store.writer.load([RECEIVED], AT)
    before = wide(store), texts(store)
    segments = store.writer.seal(force=True)
    assert [(segment.kind, segment.rows) for segment in segments] == [("spans", 4), ("content", 1), ("logs", 1)]
    assert files(store) == [f"{segments[0].received_day:%Y%m%d}-{kind}" for kind in ("content", "logs", "spans")]
    assert (wide(store), texts(store)) == before
    assert store._database.read("select * from span_open").num_rows == 0


def test_only_what_is_sealed_may_leave_the_journal(store):
    store.writer.load([RECEIVED], AT)
    assert store.reader.sealed_position() is None
    store.writer.seal(force=True)
    store.writer.load([batch([span(9, 9)])], JournalPosition(4, 0))
    assert store.reader.sealed_position() == AT


def test_sealing_nothing_makes_no_file(store):
    assert store.writer.seal(force=True) == []
    store.writer.load([RECEIVED], AT)
    store.writer.seal(force=True)
    assert store.writer.seal(force=True) == []


def test_sealing_waits_until_there_is_enough_or_it_is_old_or_the_day_is_over(store, clock):
    assert store.writer.seal() == []
    store.writer.load([RECEIVED], AT)
    assert store.writer.seal() == []
    clock.advance(901)
    assert len(store.writer.seal()) == 3
    store.writer.load([batch([span(5, 1)])], AT)
    clock.now = (clock.now // DAY + 1) * DAY
    assert len(store.writer.seal()) == 1
    store.writer.load([batch([span(6, 1)], [content(6, "x" * 135_000_000)])], AT)
    assert len(store.writer.seal()) == 2


def test_a_start_record_that_was_sealed_gives_way_to_its_end(store, rows):
    store.writer.load([batch([span(1, 1, name="begun", ended_at=None, pending=True)])], AT)
    store.writer.seal(force=True)
    store.writer.load([batch([span(1, 1, name="ended")])], AT)
    assert [row["name"] for row in wide(store)] == ["ended"]
    store.writer.seal(force=True)
    assert [row["name"] for row in wide(store)] == ["ended"]
    assert len(rows("select * from span_rows")) == 1


def test_a_late_start_record_does_not_replace_a_sealed_end(store):
    store.writer.load([batch([span(1, 1, name="ended")])], AT)
    store.writer.seal(force=True)
    store.writer.load([batch([span(1, 1, name="begun", ended_at=None, pending=True)])], AT)
    assert [row["name"] for row in wide(store)] == ["ended"]


def test_a_conversation_that_goes_on_after_a_seal_does_not_store_its_history_again(store):
    store.writer.load([RECEIVED], AT)
    store.writer.seal(force=True)
    report = store.writer.load([batch([span(1, 9)], [content(1, "whole"), content(1, "new")])], AT)
    assert report.rows == 1
    assert [row["text"] for row in store._database.read("select text from content_open").to_pylist()] == ["new"]


def test_jobs_read_the_texts_of_sealed_spans(store):
    store.writer.load([RECEIVED], AT)
    store.writer.seal(force=True)
    store.writer.load([batch([span(1, 3, input="text 1.3")])], AT)
    spans = store.reader.job_inputs([trace(1).hex()], since=NOON, until=NOON + DAY).spans
    found = dict(zip(spans["span_id"].to_pylist(), spans["input"].to_pylist(), strict=True))
    assert found == {1: "text 1.1", 2: "text 1.2", 3: "text 1.3"}


def test_small_segments_of_a_day_are_merged(store, clock, monkeypatch):
    monkeypatch.setattr(sealing, "_SMALL_SEGMENTS_MAX", 8)
    for number in range(8):
        name = "begun" if number == 0 else "other"
        begun = span(1, 1, name=name, ended_at=None if number == 0 else NOON + 2 * SECOND)
        store.writer.load([batch([begun, span(2, number + 1)], [content(1, "same"), content(2, f"{number}")])], AT)
        clock.advance(1)
        before = wide(store)
        store.writer.seal(force=True)
    listed = store.segments.listed()
    assert sorted((segment.kind, segment.rows) for segment in listed) == [("content", 9), ("spans", 9)]
    assert wide(store) == before
    assert store._database.read("select * from spans_superseded").num_rows == 0
    clock.advance(1)
    store.writer.load([batch([span(3, 1)])], AT)
    store.writer.seal(force=True)
    assert len(files(store)) == 3  # the merged ones and the last: what was merged is gone


def test_a_reopened_store_answers_as_before(store, clock):
    store.writer.load([RECEIVED], AT)
    store.writer.seal(force=True)
    store.writer.load([batch([span(7, 1)])], LATER)
    before = wide(store), texts(store)
    store.close()
    with Store.open(store.data_dir, clock=clock) as again:
        assert again.reader.journal_position() == AT
        report = again.writer.load([batch([span(7, 1)])], LATER)
        assert (report.rows, report.duplicates) == (0, 0)
        assert again.reader.journal_position() == LATER
        assert (wide(again), texts(again)) == before


STEPS = [f"{kind} {step}" for kind in ("spans", "content", "logs") for step in ("written", "synced", "renamed")]


def load_for_crash(store):
    """Three loads, two of them sealed, the third about to be sealed and merged with the others."""
    for number, (position, received) in enumerate(JOURNAL):
        store.writer.load([received], position)
        if number < 2:
            store.writer._sealer.seal()


JOURNAL = [
    (
        JournalPosition(1, number + 1),
        batch([span(number, 1)], [content(number, f"text {number}")], [log(number), log(None, body=f"{number}")]),
    )
    for number in range(3)
]


def read_journal(store):
    """What the loader does at a start: loads again what lies behind the position that the store names."""
    for position, received in JOURNAL:
        if position > (store.reader.journal_position() or JournalPosition(0, 0)):
            store.writer.load([received], position)


def crash_while_sealing(data_dir, step):
    def reached(done):
        if done == step:
            os._exit(9)

    sealing._SMALL_SEGMENTS_MAX = 3
    store = Store.open(data_dir)
    load_for_crash(store)
    store.segments.reached = reached
    store.writer.seal(force=True)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("whole")) as store:
        load_for_crash(store)
        return wide(store), sorted(row["text"] for row in texts(store))


@pytest.mark.parametrize("step", [*STEPS, "listing", "listed", "merging", "merged"])
def test_a_crash_at_any_step_of_sealing_loses_and_doubles_nothing(tmp_path, step, expected):
    assert run_apart(crash_while_sealing, tmp_path, step) == 9
    with Store.open(tmp_path) as store:
        read_journal(store)
        found = wide(store), sorted(row["text"] for row in texts(store))
        assert found == expected
        assert store._database.read("select count(*) n from log_rows").to_pylist() == [{"n": 6}]
        listed = {f"{segment.segment_id}.parquet" for segment in store.segments.listed()}
        assert {path.name for path in (tmp_path / "segments").iterdir()} == listed
        store.writer.seal(force=True)
        assert wide(store) == expected[0]
        assert store._database.read("select count(*) n from sealed_logs").to_pylist() == [{"n": 6}]


def test_results_are_not_part_of_segments(store):
    store.writer.replace_results(results(executions=[{"execution_id": digest("e").hex()}]))
    assert store.writer.seal(force=True) == []
