from __future__ import annotations

import json
import os
import signal

import pytest
from processes import CONTEXT

from whichstep_store.errors import StoreLocked
from whichstep_store.owner import FILE_NAME, OwnerLock, holder
from whichstep_store.store import Store


def own(data_dir, endpoint, ready, done):
    with Store.open(data_dir) as store:
        store.announce(endpoint)
        ready.set()
        done.wait(30)


def test_a_second_owner_is_refused_with_the_pid_and_address_of_the_first(tmp_path):
    ready, done = CONTEXT.Event(), CONTEXT.Event()
    first = CONTEXT.Process(target=own, args=(tmp_path, "http://127.0.0.1:4318", ready, done))
    first.start()
    assert ready.wait(30)
    with pytest.raises(
        StoreLocked, match=f"process {first.pid} owns it and answers at http://127.0.0.1:4318"
    ) as refusal:
        Store.open(tmp_path)
    assert (refusal.value.pid, refusal.value.endpoint) == (first.pid, "http://127.0.0.1:4318")
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    with Store.open(tmp_path) as store:
        assert holder(tmp_path) == (os.getpid(), None)
        assert store.reader.touched().num_rows == 0


def test_a_second_owner_in_the_same_process_is_refused(tmp_path):
    with Store.open(tmp_path), pytest.raises(StoreLocked, match=str(os.getpid())):
        Store.open(tmp_path)


def test_a_lock_file_left_by_a_dead_process_is_no_obstacle(tmp_path):
    (tmp_path / FILE_NAME).write_text(json.dumps({"pid": 2**22 - 1, "endpoint": "http://127.0.0.1:1"}))
    OwnerLock.acquire(tmp_path).release()


def test_a_lock_file_with_anything_in_it_is_read(tmp_path):
    assert holder(tmp_path) == (None, None)
    (tmp_path / FILE_NAME).write_text("{not json")
    assert holder(tmp_path) == (None, None)


def test_a_failed_start_gives_the_folder_up(tmp_path):
    (tmp_path / "whichstep.duckdb").write_bytes(b"x" * 5000)
    with pytest.raises(Exception, match="cannot open"):
        Store.open(tmp_path)
    OwnerLock.acquire(tmp_path).release()


def test_a_child_process_does_not_inherit_the_lock(tmp_path):
    store = Store.open(tmp_path)
    child = os.posix_spawn("/bin/sleep", ["sleep", "5"], os.environ)
    try:
        store.close()
        Store.open(tmp_path).close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
