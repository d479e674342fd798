from __future__ import annotations

from datetime import UTC, datetime

from store_builders import DAY, NOON, batch, content, log, results, span, trace
from whichstep_store.retention import NOTHING


def fill(store, clock, days):
    """A day's span, text, log and execution, for each day, sealed on its evening."""
    for day in range(days):
        at = NOON + day * DAY
        clock.now = at + DAY // 4
        received = [
            batch(
                [span(day, 1, started_at=at)],
                [content(day, f"t{day}" * 50)],
                [log(day, occurred_at=at, received_at=at)],
            )
        ]
        store.writer.load(received, None)
        trace_id = trace(day).hex()
        store.writer.replace_results(
            results(
                executions=[{"execution_id": trace_id, "started_at": at, "last_received_at": at, "status": "ok"}],
                steps=[{"execution_id": trace_id, "trace_id": trace_id, "step_id": 1, "started_at": at}],
                trace_executions=[{"trace_id": trace_id, "execution_id": trace_id, "rule": "trace", "started_at": at}],
            )
        )
        store.writer.seal(force=True)


TABLES = ("span_rows", "log_rows", "execution_rows", "step_rows", "trace_executions")


def counts(rows):
    return {table: rows(f"select count(*) n from {table}")[0]["n"] for table in TABLES}


def test_what_is_too_old_goes_by_whole_days(store, clock, rows, caplog):
    fill(store, clock, days=5)
    clock.now = NOON + 4 * DAY
    store.retention.days = 2
    report = store.retention.apply()
    assert (report.segments, report.spans, report.executions, report.reason) == (6, 2, 2, "age")
    assert report.before == datetime.fromtimestamp((NOON + 2 * DAY) // 10**9, UTC).date()
    assert set(counts(rows).values()) == {3}
    assert len(list((store.data_dir / "segments").iterdir())) == 9
    assert store.reader.sql("select * from spans").num_rows == 3
    assert "dropped what was received before" in caplog.text
    assert store.retention.apply() == NOTHING
    assert store.retention.last == report


def test_what_is_too_much_goes_oldest_first_and_today_stays(store, clock, rows):
    fill(store, clock, days=4)
    size = store.retention.size_bytes()
    store.retention.size_bytes_max = size - 1
    report = store.retention.apply()
    assert (report.segments, report.spans, report.reason) == (3, 1, "size")
    store.retention.size_bytes_max = 1
    store.retention.apply()
    assert set(counts(rows).values()) == {1}


def test_nothing_goes_within_the_limits(store, clock, caplog):
    fill(store, clock, days=2)
    assert store.retention.apply() == NOTHING
    assert caplog.text == ""


def test_open_rows_of_a_day_that_goes_go_with_it(store, clock, rows):
    store.writer.load([batch([span(1, 1)], (), [log(1)])], None)
    store.retention.apply(NOON + 200 * DAY)
    assert rows("select * from span_open") == rows("select * from log_open") == rows("select * from span_rows") == []


def test_the_ledger_is_never_dropped(store, clock):
    store.ledger.add_evaluation(execution_id=trace(1).hex(), name="n", score=1, source="CODE")
    store.retention.apply(NOON + 200 * DAY)
    assert store.reader.sql("select * from evaluations").num_rows == 1


def test_limits_default_to_ninety_days_and_twenty_gigabytes_or_half_the_disk(store):
    assert store.retention.days == 90
    assert 0 < store.retention.size_bytes_max <= 20 << 30


def test_sealing_applies_the_limits_and_so_does_a_new_day_without_anything_to_seal(store, clock, rows):
    fill(store, clock, days=3)
    store.retention.days = 1
    clock.now = NOON + 2 * DAY + DAY // 4
    store.writer.load([batch([span(9, 9, started_at=clock.now)])], None)
    store.writer.seal(force=True)
    assert counts(rows)["span_rows"] == 3
    clock.now += DAY
    assert store.writer.seal() == []
    assert counts(rows)["span_rows"] == 2
