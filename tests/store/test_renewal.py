"""A renewal that is interrupted anywhere leaves the old store or the new one."""

import os
import signal

import pytest
from processes import run_apart

from store_builders import NOON, batch, content, log, span
from whichstep_store import renewal, upkeep
from whichstep_store.batches import JournalPosition
from whichstep_store.renewal import DATABASE_NAME
from whichstep_store.store import Store

STEPS = (
    "old database removed",
    "old segments aside",
    "segments moved",
    "whichstep.duckdb moved",
    "emptied",
)


def filled(folder, *names):
    with Store.open(folder) as store:
        rows = [span(number, 1, name=name, received_at=NOON) for number, name in enumerate(names)]
        texts = [content(number, name) for number, name in enumerate(names)]
        store.writer.load([batch(rows, texts, [log(1)])], JournalPosition(1, 1))
        store.writer.seal(force=True)


def names_of(folder):
    with Store.open(folder) as store:
        found = store.reader.sql("select name from spans order by name")["name"].to_pylist()
        stored = [text for piece in store.reader.stored() for text in piece.texts.values()]
        assert sorted(stored) == found
        assert upkeep.verify(store) == []
        return found


def decided(folder):
    """An old store, and a new one that was decided for."""
    filled(folder, "old a", "old b")
    filled(renewal.begin(folder), "new a", "new b")
    renewal.commit(folder)


def finish_and_die(folder, step):
    def reached(name):
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    renewal.finish(folder, reached)


@pytest.mark.parametrize("step", STEPS)
def test_a_move_that_was_killed_is_finished_by_the_next_owner(tmp_path, step):
    decided(tmp_path)
    assert run_apart(finish_and_die, tmp_path, step) == -signal.SIGKILL
    assert names_of(tmp_path) == ["new a", "new b"]
    assert not renewal.under_way(tmp_path)


def test_what_was_begun_and_not_decided_is_forgotten(tmp_path):
    filled(tmp_path, "old")
    filled(renewal.begin(tmp_path), "new")
    assert renewal.under_way(tmp_path)
    assert names_of(tmp_path) == ["old"]
    assert not renewal.under_way(tmp_path)


def test_the_new_database_can_be_lost_on_the_way(tmp_path):
    decided(tmp_path)
    run_apart(finish_and_die, tmp_path, "segments moved")
    (tmp_path / "renewal" / DATABASE_NAME).unlink()
    assert names_of(tmp_path) == ["new a", "new b"]


def test_a_rebuild_begins_with_the_move(tmp_path):
    decided(tmp_path)
    upkeep.rebuild(tmp_path).close()
    assert names_of(tmp_path) == ["new a", "new b"]
