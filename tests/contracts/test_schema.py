from __future__ import annotations

import pyarrow as pa
import pytest

from whichstep_store import batches, results
from whichstep_store.store import Store

KINDS = {
    "uuid": (batches.UUID, results.HEX),
    "uuid[]": (batches.UUIDS, results.HEXES),
    "varchar": (pa.string(),),
    "varchar[]": (batches.TEXTS,),
    "ubigint": (pa.uint64(),),
    "ubigint[]": (results.SPAN_IDS,),
    "timestamp_ns": (batches.TIME,),
    "boolean": (pa.bool_(),),
    "utinyint": (pa.uint8(),),
    "smallint": (pa.int16(),),
    "integer": (pa.int32(),),
    "bigint": (pa.int64(),),
    "double": (pa.float64(),),
    "date": (pa.date32(),),
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("data")) as store:
        rows = store._database.read(
            "select table_name, column_name, lower(data_type) kind, is_nullable = 'YES' nullable"
            " from information_schema.columns where table_schema = 'main' order by table_name, ordinal_position"
        ).to_pylist()
    found: dict[str, list] = {}
    for row in rows:
        found.setdefault(row["table_name"], []).append((row["column_name"], row["kind"], row["nullable"]))
    return found


ROW_FIELDS = [field for field in batches.SPAN_FIELDS if field[0] in batches.SPAN_ROW_COLUMNS]


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        ("span_rows", ROW_FIELDS),
        ("span_open", batches.SPAN_FIELDS),
        ("content_open", batches.CONTENT_FIELDS),
        ("log_rows", batches.LOG_FIELDS),
        ("trace_executions", results.TRACE_EXECUTION_FIELDS),
        ("step_rows", results.STEP_FIELDS),
        ("execution_rows", results.EXECUTION_FIELDS),
        ("execution_aliases", results.ALIAS_FIELDS),
        ("contract_rows", results.CONTRACT_FIELDS),
        ("conformance_rows", results.CONFORMANCE_FIELDS),
        ("metrics_daily", results.DAILY_FIELDS),
        ("metrics_weekly", results.WEEKLY_FIELDS),
    ],
)
def test_arrow_fields_are_those_of_the_table_in_its_order(tables, table, fields):
    assert [name for name, _, _ in tables[table]] == [name for name, _, _ in fields]
    for (name, kind, nullable), (_, field_kind, field_nullable) in zip(tables[table], fields, strict=True):
        assert field_kind in KINDS[kind], name
        assert nullable == field_nullable, name


def test_tables_that_hold_the_same_rows_have_the_same_columns(tables):
    columns = {table: [(name, kind) for name, kind, _ in tables[table]] for table in tables}
    assert columns["log_open"] == columns["log_rows"]
    assert [name for name, _ in columns["sealed_spans"]] == batches.SPAN_SCHEMA.names
    narrow = dict(columns["span_rows"])
    assert all(narrow[name] == kind for name, kind in columns["span_open"] if name in narrow)


def test_no_table_has_an_index_or_a_key(tmp_path):
    with Store.open(tmp_path) as store:
        assert store._database.read("select count(*) n from duckdb_indexes()").to_pylist() == [{"n": 0}]
        kinds = store._database.read("select distinct constraint_type kind from duckdb_constraints()")["kind"]
        assert set(kinds.to_pylist()) <= {"NOT NULL"}
