from __future__ import annotations

import subprocess
import threading

import duckdb
import pytest

from store_builders import batch, content, log, span
from whichstep_store import access
from whichstep_store.access import Database, Limits
from whichstep_store.batches import JournalPosition
from whichstep_store.errors import RowsRefused, StoreError, StoreFailed, StoreFull, StoreUnavailable
from whichstep_store.store import Store

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 40 MB, where the machine lets us mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small tmpfs here")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def load_number(store, number):
    """One load of about 1 MB that does not compress."""
    text = "".join(f"{(number * 7919 + i * 104729) * 2654435761 % 2**64:016x}" for i in range(65_536))
    store.writer.load([batch([span(number, 1)], [content(number, text)])], JournalPosition(1, number))


def fill(store, acknowledged):
    """Loads, sealing now and then, until something is refused."""
    for number in range(60):
        load_number(store, number)
        acknowledged.append(number)
        if number % 8 == 7:
            store.writer.seal(force=True)


def test_a_full_disk_is_refused_and_writing_resumes_by_itself(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 20 * MIB)
    acknowledged = []
    with Store.open(small_disk / "data") as store:
        with pytest.raises(StoreFull, match="free some disk space"):
            fill(store, acknowledged)
        ballast.unlink()
        load_number(store, len(acknowledged))
        stored = store._database.read("select count(*) n from span_rows").to_pylist()[0]["n"]
        assert stored == len(acknowledged) + 1
        assert store.reader.journal_position() == JournalPosition(1, len(acknowledged))


def test_a_full_disk_while_sealing_loses_nothing(small_disk):
    ballast = small_disk / "ballast"
    with Store.open(small_disk / "data") as store:
        for number in range(8):
            load_number(store, number)
        free = 40 * MIB - sum(path.stat().st_size for path in small_disk.rglob("*") if path.is_file())
        ballast.write_bytes(b"x" * (free - 2 * MIB))
        with pytest.raises((StoreFull, OSError)):
            store.writer.seal(force=True)
        ballast.unlink()
        assert [segment.rows for segment in store.writer.seal(force=True)] == [8, 8]
        assert not list((small_disk / "data" / "segments").glob("*.tmp"))


@pytest.fixture
def fatal(monkeypatch):
    """Makes the next insert of spans fail as DuckDB does when it gives up on a file."""

    def fail_once(session, *_):
        monkeypatch.undo()
        raise duckdb.FatalException("FATAL Error: database has been invalidated")

    monkeypatch.setattr("whichstep_store.loading._insert_spans", fail_once)


def test_after_a_fatal_error_the_same_load_succeeds(store, fatal):
    received = batch([span(1, 1)], [content(1, "x")], [log(1)])
    with pytest.raises(StoreFailed, match="reopen"):
        store.writer.load([received], JournalPosition(1, 1))
    with pytest.raises(StoreFailed, match="reopened"):
        store.reader.touched()
    store.reopen()
    assert store.reader.journal_position() is None
    assert store.writer.load([received], JournalPosition(1, 1)).rows == 2


def test_the_next_write_opens_a_failed_store_by_itself(store, fatal):
    with pytest.raises(StoreFailed):
        store.writer.load([batch([span(1, 1)])], None)
    assert store.writer.load([batch([span(1, 1)])], None).rows == 1
    assert store.reader.touched().num_rows == 1


def test_reopening_interrupts_queries_that_run(store):
    failures = []

    def endless():
        try:
            store._database.read("select count(*) from range(1000000) a, range(1000000) b where a.range + b.range < 0")
        except StoreUnavailable as error:
            failures.append(str(error))

    thread = threading.Thread(target=endless)
    thread.start()
    while not store._database._reading:
        pass
    store.reopen()
    thread.join(10)
    assert failures == ["the query was interrupted; try again"]


def test_rows_that_do_not_fit_are_told_from_a_store_that_does_not_work(store):
    with pytest.raises(RowsRefused), store._database.writing() as session:
        session.execute("insert into schema_version (version) values (null)")
    with pytest.raises(StoreError, match="no_such_table"):
        store._database.read("select * from no_such_table")


def fail_after_inserting(store):
    with store._database.writing() as session:
        session.execute("insert into execution_aliases (alias, execution_id) values (uuid(), uuid())")
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_nothing(store, rows):
    with pytest.raises(ZeroDivisionError):
        fail_after_inserting(store)
    assert rows("select * from execution_aliases") == []


def test_readers_see_the_old_rows_until_a_transaction_commits(store, rows):
    with store._database.writing() as session:
        session.execute("insert into execution_aliases (alias, execution_id) values (uuid(), uuid())")
        assert rows("select * from execution_aliases") == []
    assert len(rows("select * from execution_aliases")) == 1


def test_a_closed_store_says_so(store):
    store.close()
    with pytest.raises(StoreFailed, match="open the store again"):
        store.writer.load([batch([span(1, 1)])], None)
    store.close()


def test_memory_and_threads_are_limited(tmp_path):
    (tmp_path / "spill").mkdir()
    database = Database(tmp_path / "x.duckdb", [tmp_path / "spill"], Limits(memory_bytes=64 * MIB, threads=1))
    with pytest.raises(StoreUnavailable, match="memory"):
        database.read("select list(range) from range(100000000)")
    database.close()


def test_no_module_but_access_opens_duckdb():
    from pathlib import Path

    package = Path(access.__file__).parent
    users = [path.name for path in package.rglob("*.py") if "import duckdb" in path.read_text()]
    assert users == ["access.py"]
