"""Facts of DuckDB that the store stands on; each was once otherwise in some version."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from store_builders import NOON, batch, content, digest, span, trace
from whichstep_store.batches import UUID, UUIDS
from whichstep_store.store import Store


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A store with many spans of few traces in a segment: ids repeat, so Parquet encodes them by dictionary."""
    with Store.open(tmp_path_factory.mktemp("data")) as store:
        spans = [span(n % 7, n, started_at=NOON + n, execution_key=digest("key", n % 7)) for n in range(1, 40_001)]
        store.writer.load([batch(spans, [content(n % 7, f"text {n}") for n in range(20_000)])], None)
        store.writer.seal(force=True)
        yield store


@pytest.mark.parametrize("kind", ["spans", "content"])
def test_repeated_ids_in_a_segment_are_found_by_equality_by_in_and_by_join(sealed, kind):
    wanted = trace(3).hex()
    expected = sealed._database.read(
        f"select count(*) filter (trace_id::varchar = uuid '{wanted}'::varchar) n from sealed_{kind}"
    )
    count = expected["n"][0].as_py()
    assert count > 2000
    for condition in (
        f"trace_id = cast('{wanted}' as uuid)",
        f"trace_id in (cast('{wanted}' as uuid))",
        f"trace_id in (select cast('{wanted}' as uuid))",
        f"trace_id in (cast('{wanted}' as uuid), cast('{'0' * 32}' as uuid))",
    ):
        found = sealed._database.read(f"select count(*) n from sealed_{kind} where {condition}")
        assert found["n"][0].as_py() == count, condition
    joined = sealed._database.read(
        f"select count(*) n from sealed_{kind} s join (select cast('{wanted}' as uuid) id) w on s.trace_id = w.id"
    )
    assert joined["n"][0].as_py() == count


def test_no_column_of_a_segment_is_binary_with_a_bloom_filter(sealed):
    paths = [str(sealed.segments.file(segment.segment_id)) for segment in sealed.segments.listed()]
    with duckdb.connect() as connection:
        for path in paths:
            columns = connection.execute("select bloom_filter_offset from parquet_metadata(?)", [path]).fetchall()
            assert {offset for (offset,) in columns} == {None}
            kinds = connection.execute("describe select * from read_parquet(?)", [path]).fetchall()
            assert "BLOB" not in {kind for _, kind, *_ in kinds}


def test_a_trace_is_read_from_few_row_groups(sealed):
    (path,) = [sealed.segments.file(s.segment_id) for s in sealed.segments.listed() if s.kind == "spans"]
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select stats_min_value, stats_max_value from parquet_metadata(?) where path_in_schema = 'trace_id'",
            [str(path)],
        ).fetchall()
    assert len(rows) >= 2
    assert all(low is not None and low <= high for low, high in rows)


def test_arrow_uuids_go_into_uuid_columns_and_come_out_as_hex(connection):
    ids = pa.array([digest(1), None], pa.binary(16)).cast(UUID)
    many = pa.array([[digest(1)], []], pa.list_(pa.binary(16))).cast(UUIDS)
    connection.execute("create table t (id uuid, ids uuid[])").fetchall()
    connection.register("rows", pa.table({"id": ids, "ids": many}))
    connection.execute("insert into t select id, ids from rows").fetchall()
    found = connection.execute("select replace(id::varchar, '-', ''), len(ids) from t").fetchall()
    assert found == [(digest(1).hex(), 1), (None, 0)]
    assert connection.execute("select count(*) from t where id = ?::uuid", [digest(1).hex()]).fetchall() == [(1,)]


@pytest.mark.parametrize("value", [0, 1, 2**63, 2**64 - 1])
def test_span_ids_keep_all_64_bits(connection, value):
    text = connection.execute(
        "select format('{:016x}', ?::ubigint), lower(printf('%016x', ?::ubigint))", [value, value]
    ).fetchall()
    assert text == [(f"{value:016x}", f"{value:016x}")]


def test_uuids_order_as_their_bytes(connection):
    ids = [bytes([first, *[0] * 15]) for first in (0, 1, 127, 128, 255)]
    ordered = connection.execute(
        "select id::varchar from (select unnest(?::uuid[]) as id) order by id", [[one.hex() for one in reversed(ids)]]
    ).fetchall()
    assert [text.replace("-", "") for (text,) in ordered] == [one.hex() for one in ids]


def test_a_row_of_values_compares_from_the_left(connection):
    compared = connection.execute(
        "select (true, 1, 9) > (false, 7, 9), (true, 2, 1) > (true, 1, 9), (true, 1, 1) > (true, 1, 1)"
    )
    assert compared.fetchall() == [(True, True, False)]


def test_nanoseconds_survive(connection):
    at = NOON + 123_456_789
    assert connection.execute("select epoch_ns(make_timestamp_ns(?))", [at]).fetchall() == [(at,)]


def test_deep_json_text_is_read_without_harm(connection):
    deep = "[" * 60_000 + "]" * 60_000
    assert connection.execute("select length(?::varchar)", [deep]).fetchall() == [(120_000,)]
