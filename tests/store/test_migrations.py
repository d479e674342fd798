from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import duckdb
import pytest
from processes import run_apart

import whichstep_store
from store_builders import NOON, batch, content, span, trace
from whichstep_store import schema
from whichstep_store.batches import SPAN_SCHEMA, JournalPosition
from whichstep_store.errors import SchemaUnsupported, StoreError
from whichstep_store.store import DATABASE_NAME, Store

PACKAGE = Path(whichstep_store.__file__).parent
VERSION_0 = Path(__file__).parent / "version_0.sql"
COLUMNS = """
    select table_name, column_name, data_type, is_nullable from information_schema.columns
    where table_schema = 'main' and table_name not like 'sealed_%' order by table_name, ordinal_position
"""


def build_version_0(data_dir):
    """A file as the first tables of the project made it, with one span, one text and one log record in it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    received = batch([span(1, 1, input="old")], [content(1, "text")], ())
    with duckdb.connect(str(data_dir / DATABASE_NAME)) as connection:
        connection.execute(VERSION_0.read_text()).fetchall()
        connection.execute("insert into schema_version (version) values (0)").fetchall()
        connection.execute("insert into journal_position (segment, byte_offset) values (4, 2)").fetchall()
        connection.register("arriving", received.spans)
        for table in ("span_rows", "span_open"):
            known = {row[0] for row in connection.execute(f"select column_name from (describe {table})").fetchall()}
            listed = ", ".join(name for name in SPAN_SCHEMA.names if name in known)
            connection.execute(f"insert into {table} ({listed}) select {listed} from arriving").fetchall()
        connection.execute(
            "insert into trace_executions (trace_id, execution_id, rule, started_at, ended_at)"
            " select trace_id, trace_id, 'trace', started_at, ended_at from arriving"
        ).fetchall()
        connection.execute("insert into content_open select trace_id, digest, 'text' from arriving").fetchall()


def columns(store):
    return [tuple(row.values()) for row in store._database.read(COLUMNS).to_pylist()]


def test_a_file_of_version_0_gets_the_tables_of_a_new_one_and_keeps_its_rows(tmp_path):
    build_version_0(tmp_path / "old")
    with Store.open(tmp_path / "old") as old, Store.open(tmp_path / "new") as new:
        assert columns(old) == columns(new)
        assert schema.stored_version(old._database) == schema.VERSION
        assert old.reader.journal_position() == JournalPosition(4, 2)
        spans = old.reader.job_inputs([trace(1).hex()], since=NOON, until=NOON + 10**12).spans
        assert spans["input"].to_pylist() == ["old"]
        assert [(segment.kind, segment.rows) for segment in old.segments.listed()] == [("content", 1), ("spans", 1)]
        assert old.reader.sealed_position() == JournalPosition(4, 2)
        assert old.reader.sql("select count(*) as n from spans").to_pylist() == [{"n": 1}]


def migrate_and_die(data_dir):
    Store.open(data_dir)
    os._exit(9)


def migrate_half_and_die(data_dir):
    schema._run = lambda session, script: (_only_first(session, script), os._exit(9))
    Store.open(data_dir)


def _only_first(session, script):
    for statement in [text for text in script.split(";\n") if text.strip()][:2]:
        session.execute(statement)


@pytest.mark.parametrize("death", [migrate_and_die, migrate_half_and_die])
def test_a_kill_during_or_right_after_a_migration_leaves_a_file_that_opens(tmp_path, death):
    build_version_0(tmp_path)
    assert run_apart(death, tmp_path) == 9
    with Store.open(tmp_path) as store:
        assert schema.stored_version(store._database) == schema.VERSION
        assert store.reader.sql("select count(*) as n from spans").to_pylist() == [{"n": 1}]


def test_a_file_of_a_newer_build_is_refused_and_left_as_it_is(tmp_path):
    with Store.open(tmp_path) as store, store._database.writing() as session:
        session.execute("update schema_version set version = 99")
    before = (tmp_path / DATABASE_NAME).read_bytes()
    with pytest.raises(
        SchemaUnsupported, match=rf"{DATABASE_NAME}.*version 99.*up to {schema.VERSION}.*newer whichstep"
    ):
        Store.open(tmp_path)
    assert (tmp_path / DATABASE_NAME).read_bytes() == before


def test_every_version_has_one_migration():
    assert sorted(schema.migrations()) == list(range(1, schema.VERSION + 1))


def test_no_migration_gives_a_column_a_function_as_default():
    for version, script in schema.migrations().items():
        code = re.sub(r"--[^\n]*", "", script).lower()
        assert not re.search(r"\bdefault\b[^,;]*\(", code), version


def test_a_sql_file_that_the_manifest_does_not_list_stops_the_start(tmp_path, monkeypatch):
    copy = tmp_path / "package"
    subprocess.run(["cp", "-r", str(PACKAGE), str(copy)], check=True)
    monkeypatch.setattr(schema, "_PACKAGE", copy)
    assert "span_rows" in schema.ordered("tables")
    (copy / "tables" / "forgotten.sql").write_text("create table forgotten (a integer);")
    with pytest.raises(StoreError, match="forgotten"):
        schema.ordered("tables")
    (copy / "tables" / "forgotten.sql").unlink()
    (copy / "tables" / "span_rows.sql").unlink()
    with pytest.raises(StoreError, match="span_rows"):
        schema.ordered("tables")
