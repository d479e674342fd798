"""How long does it take to open an execution among a million spans, and to read what a recompute needs?

`python -m benchmarks.store.read [--executions 50000]`; twenty steps each, texts sealed.
"""

# ruff: noqa: SLF001  (a million rows are written in SQL, behind the loader)

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from store_builders import NOON, SECOND, batch, results, span, trace
from whichstep_store.batches import SPAN_ROW_COLUMNS, SPAN_SCHEMA
from whichstep_store.store import Store

STEPS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=50_000)
    count = parser.parse_args().executions
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        fill(store, count)
        ids = [trace_hex(store, random.randrange(count)) for _ in range(30)]
        print(f"{count * STEPS:,} spans, {count:,} executions")
        report("execution by id", ids, lambda one: one_execution(store, one))
        report("texts of an execution", ids, lambda one: store.reader.step_content([one]))
        report("inputs of a recompute", ids, lambda one: recompute(store, one))
        report("touched traces", ids, lambda _: store.reader.touched())
        report(
            "spans by trace (SQL)",
            ids[:5],
            lambda one: store.reader.sql(f"select * from spans where trace_id = '{one}'"),
        )
        report(
            "steps by execution (SQL)",
            ids,
            lambda one: store.reader.sql(f"select * from steps where execution_id = '{one}'"),
        )


def one_execution(store: Store, execution_id: str) -> None:
    found = store.reader.query("execution_one", {"execution_id": execution_id})
    started_at = found["started_at"].cast("int64")[0].as_py()
    steps = store.reader.query("execution_steps", {"execution_id": execution_id, "since": started_at})
    assert steps.num_rows == STEPS, steps.num_rows


def recompute(store: Store, execution_id: str) -> None:
    started_at = (
        store.reader.query("execution_one", {"execution_id": execution_id})["started_at"].cast("int64")[0].as_py()
    )
    found = store.reader.job_inputs([execution_id], since=started_at, until=started_at + 60 * SECOND)
    assert found.spans.num_rows == STEPS, found.spans.num_rows


def report(what: str, ids: list[str], ask) -> None:
    spent = []
    for one in ids:
        begun = time.perf_counter()
        ask(one)
        spent.append((time.perf_counter() - begun) * 1e3)
    print(f"{what}: p50 {statistics.median(spent):.1f} ms, max {max(spent):.1f} ms")


def trace_hex(store: Store, number: int) -> str:
    found = store._database.read(f"select replace(md5('{number}')::uuid::varchar, '-', '') as id")
    return str(found["id"][0].as_py())


def fill(store: Store, executions: int) -> None:
    """Repeats one span, one step and one execution in SQL, in the order of time, in ten segments."""
    store.writer.load(
        [batch([span(0, 1, input="x" * 300, attributes='{"a": 1}', model="gpt-4o", session_id="s")])], None
    )
    (one_span,) = (store.segments.file(segment.segment_id) for segment in store.segments.listed())
    one = trace(0).hex()
    execution = {"execution_id": one, "trace_ids": [one], "session_id": "s", "status": "ok"}
    step = {"execution_id": one, "trace_id": one, "step_id": 1, "span_ids": [1], "type": "llm_call"}
    mapping = {"trace_id": one, "execution_id": one, "rule": "trace", "started_at": NOON, "ended_at": NOON}
    consumed = store.reader.touched().select(["trace_id", "touched_at"])
    store.writer.replace_results(
        results(executions=[execution], steps=[step], trace_executions=[mapping], consumed=consumed)
    )
    tables = {"span_rows": list(SPAN_ROW_COLUMNS)}
    for table in ("execution_rows", "step_rows", "trace_executions"):
        tables[table] = store._database.read(f"select * from {table}").column_names
    with store._database.writing() as session:
        for table in tables:
            session.execute(f"create temp table one_{table} as select * from {table}")
            session.execute(f"delete from {table}")
    for part in range(10):
        numbers = f"""(
            select
                i, s, md5(i::varchar)::uuid as id,
                make_timestamp_ns({NOON} + i * 10000000 + s * 100000) as begun
            from range({part * executions // 10}, {(part + 1) * executions // 10}) as r(i), range(1, {STEPS + 1}) as q(s)
            order by i, s
        )"""
        written = store.segments.write_query(
            "spans",
            f"select {repeated(SPAN_SCHEMA.names)} from {numbers}, read_parquet('{one_span}') as t",
            received_day=date(2026, 11, 1),
            sealed_at=NOON + part,
            level=1,
            bounds=None,
        )
        assert written is not None
        with store._database.writing() as session:
            for table, names in tables.items():
                once = "" if table in ("span_rows", "step_rows") else "where s = 1"
                session.execute(
                    f"insert into {table} ({', '.join(names)}) select {repeated(names)} from {numbers}, one_{table} t {once}"
                )
            store.segments.list_segments(session, [written])
        store.checkpoint()


CHANGED = {
    "trace_id": "id",
    "execution_id": "id",
    "span_id": "s",
    "step_id": "s",
    "span_ids": "[s]",
    "trace_ids": "[id]",
    "started_at": "begun",
    "ended_at": "begun",
    "received_at": "begun",
    "digest": "md5(i || '.' || s)::uuid",
    "last_received_at": "begun",
    "position": "s",
    "session_id": "'s' || i",
    "input": "md5(i || 'x' || s) || input",
}


def repeated(names: Sequence[str]) -> str:
    return ", ".join(f"{CHANGED[name]} as {name}" if name in CHANGED else f"t.{name}" for name in names)


if __name__ == "__main__":
    main()
