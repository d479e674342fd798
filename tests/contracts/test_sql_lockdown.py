from __future__ import annotations

import pytest

from store_builders import NOON, results, trace
from whichstep_store.errors import SqlRefused, SqlStopped
from whichstep_store.store import Store

A = trace(1).hex()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("data")) as opened:
        execution = {"execution_id": A, "trace_ids": [A], "status": "ok", "started_at": NOON, "cost_usd": 0.25}
        steps = [
            {"execution_id": A, "trace_id": A, "step_id": n, "name": f"s{n}", "started_at": NOON} for n in (1, 2, 3)
        ]
        mapping = [{"trace_id": A, "execution_id": A, "rule": "trace"}]
        opened.writer.replace_results(results(executions=[execution], steps=steps, trace_executions=mapping))
        yield opened


@pytest.mark.parametrize(
    "query",
    [
        "select execution_id, cost_usd from executions where started_at > '2020-01-01' order by 1 limit 5",
        "from executions",
        "SELECT * FROM Executions",
        "select count(*), sum(latency_ms) filter (status = 'ok') from steps group by execution_id having count(*) > 1",
        "with named as (select * from steps) select a.name from named a join executions b using (execution_id)",
        "select * from executions e, unnest(e.trace_ids) t(id)",
        "select day, x from generate_series(date '2026-01-01', date '2026-01-03', interval 1 day) g(day), (values (1)) v(x)",
        "select name, row_number() over (partition by execution_id order by position) from steps",
        "select name || '!' , upper(name), name like 's%', case when position > 1 then [1, 2] end, {'a': 1} from steps",
        "select * exclude (metadata), list_transform(tags, lambda t: t || 'x'), tags[1] from executions",
        "select date_trunc('day', started_at), quantile_cont(latency_ms, 0.95), now() from steps group by all",
        "select name from steps union all select task_type from executions",
        "select * from steps where exists (select 1 from executions e where e.execution_id = steps.execution_id)",
        "select json_extract_string(metadata, '$.a'), regexp_matches(input, 'x'), strftime(started_at, '%Y') from executions",
        "select * from trace_executions; ",
        "with recursive n as (select 1 as i union all select i + 1 from n where i < 5) select * from n",
        "select * from spans",
        "select * from step_content",
    ],
)
def test_a_query_over_the_public_views_runs(store, query):
    store.reader.sql(query)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "select 1; select 2",
        "select * from executions; delete from span_rows",
        "delete from span_rows",
        "insert into span_rows select * from span_rows",
        "create table t as select 1",
        "copy (select 1) to '/tmp/x'",
        "attach '/tmp/x.db'",
        "set threads = 1",
        "pragma database_list",
        "install httpfs",
        "load httpfs",
        "call pragma_version()",
        "explain select 1",
        "describe executions",
        "show tables",
        "summarize executions",
        "select * from span_rows",
        "select * from main.span_rows",
        "select * from main.executions",
        "select * from public.executions",
        "select * from sealed_spans",
        "select * from whichstep.main.span_rows",
        "select * from executions, span_rows",
        "select * from executions where execution_id in (select execution_id::varchar from execution_rows)",
        "select * from (with span_rows as (select 1) select * from span_rows), span_rows",
        "with executions as (select * from execution_rows) select * from executions",
        'with "/etc/passwd" as (select 1) select * from (select 1), "/etc/passwd"',
        "select * from '/etc/passwd'",
        "select * from 'segments/x.parquet'",
        "select * from read_parquet('x.parquet')",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "select * from sniff_csv('/etc/passwd')",
        "select * from duckdb_settings()",
        "select * from duckdb_tables()",
        "select * from duckdb_secrets()",
        "select * from information_schema.tables",
        "select * from pg_catalog.pg_tables",
        "select * from duckdb_tables",
        "select * from sqlite_master",
        "select * from query('select 1')",
        "select * from query_table('span_rows')",
        "select * from json_execute_serialized_sql('{}')",
        "select getenv('HOME')",
        "select current_setting('temp_directory')",
        "select current_database()",
        "select version()",
        "select getvariable('x')",
        "select main.getenv('HOME')",
        "select sum(length(getenv('HOME'))) over () from executions",
        "select * from executions order by getenv('HOME')",
        "select list_transform(tags, lambda t: getenv(t)) from executions",
        "select * from unnest([getenv('HOME')])",
        "select write_log('x')",
        "select pg_sleep(100)",
        "select nextval('x')",
        "select repeat('x', 1000000000000)",
        "select * from executions where execution_id = ?",
        "select * from executions where execution_id = $id",
        "select * from no_such_view",
        "select no_such_column from executions",
        "selec 1",
    ],
)
def test_anything_else_is_refused_with_a_reason(store, query):
    with pytest.raises(SqlRefused) as refusal:
        store.reader.sql(query)
    assert str(refusal.value)
    assert str(store.data_dir) not in str(refusal.value)


def test_rows_are_cut_at_the_limit(store):
    assert store.reader.sql("select name from steps order by position", row_limit=2).num_rows == 2
    assert store.reader.sql("select * from range(1000000000)", row_limit=5).num_rows == 5


def test_a_query_that_takes_too_long_is_stopped(store):
    with pytest.raises(SqlStopped, match=r"0\.2 s"):
        store.reader.sql(
            "select count(*) from range(1000000) a, range(1000000) b where a.range = -b.range - 1 or a.range < 0",
            time_limit_seconds=0.2,
        )
    assert store.reader.sql("select 1 as one").to_pylist() == [{"one": 1}]


def test_a_query_that_takes_too_much_memory_is_stopped(store):
    hungry = "select i, count(*) from (select unnest([range, -range]) as i from range(100000000)) group by i"
    with pytest.raises(SqlStopped, match="memory"):
        store.reader.sql(hungry, memory_limit=32 << 20)


def test_the_store_reads_files_of_its_own_folder_only(store, tmp_path):
    (tmp_path / "x.csv").write_text("a\n1\n")
    from whichstep_store.errors import StoreError

    with pytest.raises(StoreError, match="Permission"):
        store._database.read(f"select * from read_csv('{tmp_path}/x.csv')")


def test_the_configuration_is_locked(store):
    from whichstep_store.errors import StoreError

    with pytest.raises((StoreError, ValueError), match="lock"), store._database.writing() as session:
        session.execute("set enable_external_access = true")
