import contextlib
import threading
import time

import pytest

from running import wait_until
from store_builders import batch, content, span
from whichstep_collector.counters import Counters
from whichstep_collector.journal import Journal, segment_numbers
from whichstep_collector.loader import Loader
from whichstep_store.errors import StoreFailed, StoreFull
from whichstep_store.store import Store


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal", segment_bytes=20_000)
    yield journal
    journal.close()


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path) as store:
        yield store


@contextlib.contextmanager
def loading(journal, store, **options):
    loader = Loader(journal, store, counters=Counters(), **{"interval_seconds": 0.01, **options})
    loader.start()
    try:
        yield loader
    finally:
        loader.stop(timeout_seconds=0.1 if loader.trouble else 10)


def span_ids(store):
    """The ids in the store; it may be about to be opened again."""
    with contextlib.suppress(StoreFailed):
        return _span_ids(store)
    return []


def _span_ids(store):
    return store._database.read("select span_id from span_rows order by 1")["span_id"].to_pylist()


def send(journal, *ids):
    return journal.append(batch([span(span_id=number) for number in ids], [content(1, "a text")]))


def test_what_is_in_the_journal_is_soon_in_the_store(journal, store):
    with loading(journal, store):
        send(journal, 1, 2)
        wait_until(lambda: span_ids(store) == [1, 2])
        send(journal, 3)
        wait_until(lambda: span_ids(store) == [1, 2, 3])
        wait_until(lambda: journal.state().backlog_bytes == 0)


def test_replaying_a_loaded_journal_adds_no_rows(journal, store):
    end = send(journal, 1, 2)
    send(journal, 1)
    with loading(journal, store) as loader:
        wait_until(lambda: not journal.wait(loader.position(), timeout_seconds=0))
    with store._database.writing() as session:
        session.execute("delete from journal_position")
    store.reader._open.position = None
    with loading(journal, store) as loader:
        wait_until(lambda: loader.position() > end)
        assert span_ids(store) == [1, 2]
        assert loader._counters.value("whichstep_duplicates_total") >= 3


def test_loading_begins_where_the_store_is(journal, store):
    send(journal, 1)
    with loading(journal, store):
        wait_until(lambda: span_ids(store) == [1])
    send(journal, 2)
    with loading(journal, store) as loader:
        wait_until(lambda: span_ids(store) == [1, 2])
        assert loader._counters.value("whichstep_duplicates_total") == 0


def test_a_loader_with_nothing_to_do_sleeps_until_something_comes_or_it_is_stopped(journal, store, monkeypatch):
    looks = []
    seal = store.writer.seal
    monkeypatch.setattr(store.writer, "seal", lambda **options: looks.append(1) or seal(**options))
    with loading(journal, store) as loader:
        wait_until(lambda: looks)
        time.sleep(1)
        assert len(looks) == 1
        began = time.monotonic()
        send(journal, 1)
        wait_until(lambda: span_ids(store) == [1])
        assert loader.stop(timeout_seconds=10)
        assert time.monotonic() - began < 2


def test_batches_join_transactions_of_bounded_size(journal, store, monkeypatch):
    loads = []
    load = store.writer.load
    monkeypatch.setattr(store.writer, "load", lambda batches, end: loads.append(len(batches)) or load(batches, end))
    for number in range(40):
        send(journal, number)
    with loading(journal, store, rows_max=20):
        wait_until(lambda: len(span_ids(store)) == 40)
    assert loads == [20, 20]


@pytest.mark.parametrize("failure", [StoreFull("no room"), StoreFailed("given up")])
def test_a_store_that_cannot_take_rows_is_waited_for_and_nothing_is_lost(journal, store, monkeypatch, failure):
    failing = threading.Event()
    failing.set()
    load = store.writer.load

    def sometimes(batches, end):
        if failing.is_set():
            raise failure
        return load(batches, end)

    monkeypatch.setattr(store.writer, "load", sometimes)
    send(journal, 1)
    with loading(journal, store) as loader:
        wait_until(lambda: loader.trouble == str(failure))
        failing.clear()
        wait_until(lambda: span_ids(store) == [1])
        wait_until(lambda: loader.trouble is None)
        reopened = loader._counters.value("whichstep_store_reopens_total")
        assert (reopened > 0) == isinstance(failure, StoreFailed)


def test_a_batch_that_the_store_cannot_take_is_set_aside_and_stops_no_other(journal, store, monkeypatch, caplog):
    load = store.writer.load

    def picky(batches, end):
        if any(4 in received.spans.column("span_id").to_pylist() for received in batches):
            raise ValueError("a defect")
        return load(batches, end)

    monkeypatch.setattr(store.writer, "load", picky)
    for number in (3, 4, 5):
        send(journal, number)
    with loading(journal, store) as loader:
        wait_until(lambda: not journal.wait(loader.position(), timeout_seconds=0))
        assert span_ids(store) == [3, 5]
        assert loader._counters.value("whichstep_batches_set_aside_total") == 1
    assert len(list(journal.log_dir.glob("*.set_aside"))) == 1
    assert "set aside" in caplog.text


def test_segments_stay_until_their_rows_are_sealed_and_a_checkpoint_has_passed(journal, store):
    for number in range(40):
        send(journal, *range(number * 10, number * 10 + 10))
    assert len(segment_numbers(journal.log_dir)) > 3
    with loading(journal, store) as loader:
        wait_until(lambda: not journal.wait(loader.position(), timeout_seconds=0))
        loader.checkpoint()
        assert len(segment_numbers(journal.log_dir)) > 3
    store.writer.seal(force=True)
    loader.checkpoint()
    assert segment_numbers(journal.log_dir) == []
    assert len(span_ids(store)) == 400


def test_a_large_log_of_the_database_brings_a_checkpoint_and_a_seal_alone_does_not(journal, store):
    with loading(journal, store, log_bytes_max=1 << 40):
        send(journal, 1)
        wait_until(lambda: span_ids(store) == [1])
        assert store.writer.seal(force=True)
        assert store.log_bytes() > 0
    with loading(journal, store, log_bytes_max=1) as loader:
        wait_until(lambda: loader._counters.value("whichstep_checkpoints_total") == 1)  # counted a moment later
        assert store.log_bytes() == 0
    assert segment_numbers(journal.log_dir) == []


def test_stopping_loads_what_is_left(journal, store):
    loader = Loader(journal, store, counters=Counters(), interval_seconds=30)
    loader.start()
    send(journal, 1)
    assert loader.stop(timeout_seconds=10)
    assert span_ids(store) == [1]


def test_stopping_gives_up_at_its_time_and_says_so(journal, store, monkeypatch):
    def full(batches, end):
        raise StoreFull("no room")

    monkeypatch.setattr(store.writer, "load", full)
    send(journal, 1)
    loader = Loader(journal, store, counters=Counters(), interval_seconds=0.01)
    loader.start()
    assert not loader.stop(timeout_seconds=0.3)


def test_a_record_of_a_newer_build_stops_the_loader_and_is_told(tmp_path, store, monkeypatch):
    from whichstep_collector import journal_records

    newer = Journal(tmp_path / "journal")
    monkeypatch.setattr(journal_records, "SCHEMA_VERSION", 9)
    send(newer, 1)
    newer.close()
    monkeypatch.setattr(journal_records, "SCHEMA_VERSION", 1)
    journal = Journal(tmp_path / "journal")
    with loading(journal, store) as loader:
        wait_until(lambda: loader.trouble is not None)
        assert "schema version 9" in loader.trouble
        assert segment_numbers(journal.log_dir)
    journal.close()
