from __future__ import annotations

import pytest

from store_builders import DAY, NOON, SECOND, batch, content, log, span, trace
from whichstep_store import upkeep
from whichstep_store.batches import JournalPosition
from whichstep_store.errors import StoreError
from whichstep_store.store import DATABASE_NAME, Store

TABLES = ("span_rows", "log_rows", "evaluation_rows")
VIEWS = ("spans", "evaluations")


def everything(store):
    found = {name: store._database.read(f"select * from {name} order by all").to_pylist() for name in TABLES}
    found |= {name: store._database.read(f"select * from public.{name} order by all").to_pylist() for name in VIEWS}
    texts = "select * from content_open union select * from sealed_content order by all"
    return found | {"texts": store._database.read(texts).to_pylist()}


def history():
    """Loads with repeats, conflicts across segments and start records that end later."""
    begun = span(1, 1, name="begun", ended_at=None, pending=True)
    yield batch([begun, span(2, 1)], [content(1, "a"), content(2, "a")], [log(1)])
    yield batch([span(1, 1, name="ended"), span(2, 1, attribute_count=9, name="more")], [content(1, "a")], [log(1)])
    yield batch([begun, span(2, 1), span(3, 1, started_at=NOON - 3 * DAY)], [content(3, "c")], [log(None, body="{}")])


def filled(store):
    loaded = list(history())
    for received in loaded:
        store.writer.load([received], None)
        store.writer.seal(force=True)
    store.ledger.add_evaluation(execution_id=trace(1).hex(), name="n", score=1, source="CODE")
    return loaded


@pytest.mark.parametrize("how", ["rebuild", "the file is gone at the next start", "a backup is opened"])
def test_the_database_is_made_again_from_segments_and_ledger(store, tmp_path, how):
    filled(store)
    before = everything(store)
    folder = store.data_dir
    if how == "a backup is opened":
        folder = tmp_path / "copy"
        assert upkeep.backup(store, folder) == len(store.segments.listed()) + 1
    store.close()
    if how == "the file is gone at the next start":
        (folder / DATABASE_NAME).unlink()
    with upkeep.rebuild(folder) if how == "rebuild" else Store.open(folder) as again:
        assert everything(again) == before
        assert upkeep.verify(again) == []
        assert {row["trace_id"] for row in again.reader.touched().to_pylist()} == {trace(n).hex() for n in (1, 2, 3)}


def test_a_journal_that_is_read_again_after_a_rebuild_adds_nothing(store):
    loaded = filled(store)
    before = everything(store)
    store.close()
    with upkeep.rebuild(store.data_dir) as again:
        for received in loaded:
            again.writer.load([received], None)
        assert everything(again) == before
        again.writer.seal(force=True)
        assert everything(again) == before


def test_a_rebuild_goes_on_where_a_crash_stopped_it(store, monkeypatch):
    from whichstep_store import recovery

    filled(store)
    before = everything(store)
    store.close()
    (store.data_dir / DATABASE_NAME).unlink()
    adopted = []

    def stop_at_the_third(session, segment, path):
        adopted.append(path)
        if len(adopted) == 3:
            raise KeyboardInterrupt
        return adopt(session, segment, path)

    adopt = recovery._adopt
    with monkeypatch.context() as patched:
        patched.setattr(recovery, "_adopt", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            Store.open(store.data_dir)
    with Store.open(store.data_dir) as again:
        assert everything(again) == before


def test_verify_finds_what_is_not_as_the_manifest_says(store, clock):
    filled(store)
    assert upkeep.verify(store) == []
    one, two, *_ = store.segments.listed()
    store.segments.file(one.segment_id).unlink()
    changed = store.segments.file(two.segment_id)
    flipped = bytearray(changed.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    changed.write_bytes(flipped)
    (store.data_dir / "segments" / "20200101-spans-1.parquet").write_bytes(b"")
    assert [problem.what for problem in upkeep.verify(store)] == ["missing", "changed", "unlisted"]


def test_a_lost_segment_takes_no_other_along(store):
    filled(store)
    *_, lost = (segment for segment in store.segments.listed() if segment.kind == "spans")
    store.close()
    store.segments.file(lost.segment_id).unlink()
    with Store.open(store.data_dir) as again:
        assert 0 < again.reader.sql("select * from spans").num_rows < 3
        assert [problem.what for problem in upkeep.verify(again)] == ["missing"]


def test_a_database_file_that_is_no_database_is_said_with_the_way_out(store):
    store.close()
    (store.data_dir / DATABASE_NAME).write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="rebuild"):
        Store.open(store.data_dir)
    with upkeep.rebuild(store.data_dir) as again:
        assert again.reader.sql("select * from executions").num_rows == 0


def test_rows_of_a_file_from_elsewhere_are_taken_in(store, tmp_path, clock):
    with Store.open(tmp_path / "other", clock=clock) as other:
        other.writer.load(
            [batch([span(7, 1, input="from elsewhere")], [content(7, "x")], [log(7)])], JournalPosition(1, 1)
        )
        moved = [other.segments.file(segment.segment_id) for segment in other.writer.seal(force=True)]
    filled(store)
    store.close()
    for path in moved:
        path.rename(store.data_dir / "segments" / path.name.replace("-0", "-1", 1))
    with Store.open(store.data_dir, clock=clock) as again:
        spans = again.reader.job_inputs([trace(7).hex()], since=NOON, until=NOON + 60 * SECOND).spans
        assert spans["input"].to_pylist() == ["from elsewhere"]
        assert upkeep.verify(again) == []
