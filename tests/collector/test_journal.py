import errno
import os
import threading

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from running import wait_until
from store_builders import batch, content, span
from whichstep_collector.errors import JournalFailed, JournalForeign, JournalFull
from whichstep_collector.journal import KEPT_BYTES_MAX, Journal, read_batches, segment_numbers, segment_path
from whichstep_collector.journal_records import Frame, decode, encode
from whichstep_collector.kept_batches import KeptBatches
from whichstep_store.batches import JournalPosition

START = JournalPosition(0, 0)


@pytest.fixture(params=[0, KEPT_BYTES_MAX], ids=["from files", "from memory"])
def journal(tmp_path, request):
    journal = Journal(tmp_path / "journal", kept_bytes_max=request.param)
    yield journal
    journal.close()


def span_batch(ids, texts=()):
    return batch(
        [span(span_id=number, started_at=1_790_000_000_000_000_000) for number in ids],
        [content(1, text) for text in texts],
    )


def span_ids(received):
    return received.spans.column("span_id").to_pylist()


def loaded_ids(journal, position=START):
    return [number for _, received in journal.read(position) for number in span_ids(received)]


def write_three(folder):
    """A closed journal of three one-span batches; the path of its segment and where each record ends."""
    journal = Journal(folder)
    ends = [journal.append(span_batch([number], texts=["héllo"])).byte_offset for number in (1, 2, 3)]
    journal.close()
    return segment_path(folder, 1), ends


def test_what_is_appended_is_read_back_as_it_was(journal):
    sent = span_batch([1, 2**64 - 1], texts=["a text", "another"])
    end = journal.append(sent)
    [(position, read)] = journal.read(START)
    assert position == end == journal.end()
    assert read.spans.equals(sent.spans)
    assert read.content.equals(sent.content)
    assert read.logs.equals(sent.logs)


def test_a_large_batch_is_read_back_as_it_was(journal):
    sent = span_batch(range(2000), texts=[f"text {number}" for number in range(500)])
    journal.append(sent)
    [(_, read)] = journal.read(START)
    assert read.spans.equals(sent.spans)
    assert read.content.equals(sent.content)


def test_reading_goes_on_behind_a_position(journal):
    first = journal.append(span_batch([1]))
    journal.append(span_batch([2]))
    assert loaded_ids(journal, first) == [2]
    assert loaded_ids(journal, journal.end()) == []


def test_an_empty_batch_costs_no_part_and_is_read_back(journal):
    journal.append(span_batch([]))
    assert loaded_ids(journal) == []
    assert len(list(journal.read(START))) == 1


def test_a_reader_that_falls_behind_reads_from_memory_what_is_kept_and_the_rest_from_the_files(tmp_path):
    journal = Journal(tmp_path, kept_bytes_max=1)
    journal.append(span_batch([1]))
    journal._kept = KeptBatches(KEPT_BYTES_MAX)
    kept = span_batch([2])
    second = journal.append(kept)
    journal._kept._bytes_max = 0
    journal.append(span_batch([3]))
    read = dict(journal.read(START))
    assert [span_ids(received) for received in read.values()] == [[1], [2], [3]]
    assert [received is kept for received in read.values()] == [False, True, False]
    journal.mark_loaded(second)
    assert loaded_ids(journal) == [1, 2, 3]
    assert journal._kept.at(JournalPosition(1, 0)) is None
    assert journal._kept._bytes == 0
    journal.close()


def test_acknowledged_batches_are_there_after_a_restart_and_new_ones_open_a_new_segment(tmp_path):
    path, _ = write_three(tmp_path)
    journal = Journal(tmp_path)
    assert loaded_ids(journal) == [1, 2, 3]
    assert journal.append(span_batch([4])).segment == 2
    assert loaded_ids(journal) == [1, 2, 3, 4]
    journal.close()
    assert path.exists()


def test_numbers_go_on_behind_the_position_of_the_store_even_when_every_segment_is_gone(tmp_path):
    journal = Journal(tmp_path, loaded=JournalPosition(7, 100))
    assert journal.append(span_batch([1])).segment == 8
    assert loaded_ids(journal, JournalPosition(7, 100)) == [1]
    journal.close()


def test_many_writers_share_few_syncs_and_lose_nothing(tmp_path):
    journal = Journal(tmp_path, commit_interval_seconds=0.01)

    def send(start):
        for number in range(start, start + 20):
            journal.append(span_batch([number]))

    threads = [threading.Thread(target=send, args=(index * 100,)) for index in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    expected = sorted(index * 100 + number for index in range(8) for number in range(20))
    assert sorted(loaded_ids(journal)) == expected
    assert journal.state().syncs < 100
    journal.close()


def test_segments_roll_and_those_wholly_before_a_position_are_removed(tmp_path):
    journal = Journal(tmp_path, segment_bytes=1)
    ends = [journal.append(span_batch([number])) for number in (1, 2, 3)]
    assert [end.segment for end in ends] == [1, 2, 3]
    assert journal.remove_before(JournalPosition(2, ends[1].byte_offset - 1)) == 1
    assert journal.remove_before(ends[1]) == 1
    assert loaded_ids(journal) == [3]
    assert segment_numbers(tmp_path) == [3]
    journal.close()


def test_removing_the_segment_being_written_makes_the_next_batch_open_a_new_one(tmp_path):
    journal = Journal(tmp_path)
    end = journal.append(span_batch([1]))
    assert journal.remove_before(end) == 1
    assert segment_numbers(tmp_path) == []
    assert journal.append(span_batch([2])) > end
    assert loaded_ids(journal, end) == [2]
    journal.close()
    reopened = Journal(tmp_path, loaded=end)
    assert loaded_ids(reopened, end) == [2]
    reopened.close()


def test_a_segment_is_not_removed_while_something_is_being_written_to_it(tmp_path):
    release, entered = threading.Event(), threading.Event()

    def slow_sync(descriptor):
        if entered.is_set():
            release.wait()
        os.fdatasync(descriptor)

    journal = Journal(tmp_path, sync=slow_sync)
    end = journal.append(span_batch([1]))
    entered.set()
    done = journal.offer(span_batch([2]))
    wait_until(lambda: journal._writing)
    assert journal.remove_before(end) == 0
    release.set()
    assert done.result() > end
    assert loaded_ids(journal, end) == [2]
    journal.close()


def test_the_reader_never_sees_what_is_not_durable(tmp_path):
    release, entered = threading.Event(), threading.Event()

    def slow_sync(descriptor):
        entered.set()
        release.wait()
        os.fdatasync(descriptor)

    journal = Journal(tmp_path, sync=slow_sync)
    done = journal.offer(span_batch([1]))
    entered.wait()
    assert loaded_ids(journal) == []
    assert not done.done()
    assert not done.cancel()
    release.set()
    done.result()
    assert loaded_ids(journal) == [1]
    journal.close()


def test_a_failed_sync_refuses_the_group_and_is_not_tried_again_on_the_same_descriptor(tmp_path):
    synced = []

    def fail_once(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        if len(synced) == 2:
            raise OSError(errno.EIO, "I/O error")
        os.fdatasync(descriptor)

    journal = Journal(tmp_path, sync=fail_once)
    journal.append(span_batch([1]))
    with pytest.raises(JournalFailed):
        journal.append(span_batch([2]))
    assert journal.append(span_batch([3])).segment == 2
    assert synced[1] != synced[2]
    assert loaded_ids(journal) == [1, 3]
    assert journal.state().failures == 1
    journal.close()


def test_a_full_disk_refuses_leaves_no_half_record_and_resumes(tmp_path):
    full = threading.Event()

    def write(descriptor, data):
        if full.is_set():
            os.write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, data)

    journal = Journal(tmp_path, write=write)
    journal.append(span_batch([1]))
    full.set()
    for _ in range(3):
        with pytest.raises(JournalFailed):
            journal.append(span_batch([2]))
    full.clear()
    journal.append(span_batch([3]))
    journal.close()
    assert [number for received in read_batches(tmp_path) for number in span_ids(received)] == [1, 3]
    assert len(segment_numbers(tmp_path)) == 2


def test_a_backlog_at_its_limit_refuses_until_the_loader_has_caught_up(tmp_path):
    size = len(encode(span_batch([1])))
    journal = Journal(tmp_path, backlog_bytes_max=2 * size + 8)
    journal.append(span_batch([1]))
    end = journal.append(span_batch([2]))
    with pytest.raises(JournalFull):
        journal.append(span_batch([3]))
    journal.mark_loaded(end)
    assert journal.state().backlog_bytes == 0
    journal.append(span_batch([3]))
    journal.close()


def test_a_closed_journal_refuses_and_has_kept_what_was_queued(tmp_path):
    journal = Journal(tmp_path, commit_interval_seconds=5)
    done = journal.offer(span_batch([1]))
    journal.close()
    assert done.result(timeout=0)
    with pytest.raises(JournalFailed):
        journal.offer(span_batch([2]))


def test_waiting_ends_when_something_becomes_durable(journal):
    assert not journal.wait(START, timeout_seconds=0)
    threading.Timer(0.02, lambda: journal.append(span_batch([1]))).start()
    assert journal.wait(START, timeout_seconds=5)
    assert not journal.wait(journal.end(), timeout_seconds=0)


def test_a_record_of_another_schema_stops_the_reader_and_is_not_skipped():
    with pytest.raises(JournalForeign, match="schema version 9"):
        decode(Frame(0, 16, 9, 0, pa.py_buffer(b"")))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cutting_the_log_anywhere_recovers_a_prefix(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cut")
    path, ends = write_three(folder)
    cut = data.draw(st.integers(0, ends[-1] - 1))
    os.truncate(path, cut)
    journal = Journal(folder)
    assert loaded_ids(journal) == [number for number, end in enumerate(ends, start=1) if end <= cut]
    journal.append(span_batch([9]))
    assert loaded_ids(journal)[-1] == 9
    journal.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipping_any_bit_costs_the_record_it_is_in_and_no_other(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flip")
    path, ends = write_three(folder)
    at = data.draw(st.integers(0, ends[-1] - 1))
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    hit = next(number for number, end in enumerate(ends, start=1) if at < end)
    journal = Journal(folder)
    assert loaded_ids(journal) == [number for number in (1, 2, 3) if number != hit]
    assert not journal.wait(JournalPosition(1, ends[-1]), timeout_seconds=0)
    journal.close()


def test_damage_is_counted_once_however_often_it_is_read(tmp_path):
    path, ends = write_three(tmp_path)
    content = bytearray(path.read_bytes())
    content[ends[0] + 40] ^= 1
    path.write_bytes(content)
    journal = Journal(tmp_path)
    assert loaded_ids(journal) == loaded_ids(journal) == [1, 3]
    assert journal.state().damaged_bytes == ends[1] - ends[0]
    journal.close()
