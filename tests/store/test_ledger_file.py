from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store_builders import NOON, SECOND
from whichstep_store import ledger_file
from whichstep_store.errors import SchemaUnsupported
from whichstep_store.ledger import Ledger

LEDGER_0 = Path(__file__).parent / "ledger_0.sql"
OBJECTS = "select type, name, tbl_name, sql from sqlite_master where name not like 'sqlite_%' order by name"


def objects(path):
    """Tables and indexes of a ledger, however their text is laid out and quoted."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(OBJECTS).fetchall()
    return [(*row[:3], re.sub(r"\s+", " ", row[3]).replace('"', "").replace("if not exists ", "")) for row in found]


def build_0(path):
    """A ledger as the first build made it, with a request in it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(LEDGER_0.read_text())
        connection.execute(
            "insert into approvals (sequence, approval_id, state, action, created_at, expires_at, notes)"
            " values (1, 'old', 'pending', 'send', ?, ?, 'kept')",
            [NOON, NOON + 10**6 * SECOND],
        )
        connection.execute("insert into tokens values ('t', 'ann', x'00', 'review', 1)")
        connection.commit()


def test_an_older_ledger_gets_the_tables_of_a_new_one_and_keeps_its_rows(tmp_path, clock):
    build_0(tmp_path / "old")
    for name in ("old", "new"):
        Ledger(tmp_path / name, clock=clock).close()
    assert objects(tmp_path / "old") == objects(tmp_path / "new")
    ledger = Ledger(tmp_path / "old", clock=clock)
    kept = ledger.approvals.find("old")
    assert (kept.state, kept.notes, kept.version, kept.arguments) == ("pending", "kept", 1, "{}")
    assert [token.name for token in ledger.tokens()] == ["ann"]
    ledger.close()


def test_a_migration_that_fails_changes_nothing(tmp_path, clock, monkeypatch):
    build_0(tmp_path / "old")
    before = objects(tmp_path / "old")
    broken = {1: ledger_file.migrations()[1] + "\nselect nothing from nowhere;"}
    with monkeypatch.context() as patched:
        patched.setattr(ledger_file, "migrations", lambda: broken)
        with pytest.raises(sqlite3.OperationalError):
            Ledger(tmp_path / "old", clock=clock)
    assert objects(tmp_path / "old") == before
    Ledger(tmp_path / "old", clock=clock).close()


def test_a_ledger_of_a_newer_build_is_refused(tmp_path, clock):
    with closing(sqlite3.connect(tmp_path / "new")) as connection:
        connection.execute("pragma user_version = 99")
    with pytest.raises(SchemaUnsupported, match=r"version 99.*newer whichstep"):
        Ledger(tmp_path / "new", clock=clock)


def test_every_version_has_one_migration():
    assert sorted(ledger_file.migrations()) == list(range(1, ledger_file.VERSION + 1))
