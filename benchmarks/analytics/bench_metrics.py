"""How long does an answer take over a million executions of one week?

Usage: python -m benchmarks.analytics.bench_metrics [executions]. One line an answer: p50 of seven calls. Targets:
metrics 500 ms (query and computation), failures 2 s, one execution 50 ms.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import psutil
import pyarrow as pa

from whichstep_analytics.answers import Answers
from whichstep_analytics.template_runner import TemplateRunner
from whichstep_store import results
from whichstep_store.filters import Filters
from whichstep_store.store import Store

NOW = 1_795_400_000_000_000_000
WEEK = 7 * 86_400 * 10**9
CHUNK = 100_000
SAYINGS = 50
"""Wordings of each failure: 600 signatures, 12 clusters."""
SIGNATURE = "planner/send_email · loop · send_email said word7 of many"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "data", clock=lambda: NOW) as store:
        for start in range(0, count, CHUNK):
            store.writer.replace_results(stored_executions(start, min(CHUNK, count - start), count))
        begun = time.perf_counter()
        TemplateRunner(store).drain()
        print(f"bench_metrics: templates of all signatures: {(time.perf_counter() - begun) * 1000:,.0f} ms", flush=True)
        store.checkpoint()
        for label, seconds in _timings(Answers(store, clock=lambda: NOW)):
            print(f"bench_metrics: {label} of {count:,} executions: {seconds * 1000:,.0f} ms", flush=True)
        print(f"bench_metrics: resident memory {psutil.Process().memory_info().rss / 1e6:,.0f} MB")


def _timings(answers: Answers):
    week = Filters(since=NOW - WEEK)
    first = answers.executions(week, limit=50)
    some = first["executions"][7]["execution_id"]
    questions = {
        "metrics": lambda: answers.metrics(week),
        "metrics by release and task type": lambda: answers.metrics(week, by=["release", "task_type"]),
        "metrics by day": lambda: answers.metrics(week, by=["day"]),
        "failures by step": lambda: answers.failures(week, by="step"),
        "failures by signature": lambda: answers.failures(week, by="signature"),
        "list, one signature": lambda: answers.executions(replace(week, signature=(SIGNATURE,)), limit=50),
        "list, newest first": lambda: answers.executions(week, limit=50),
        "list, second page": lambda: answers.executions(week, limit=50, cursor=first["next_cursor"]),
        "list, dearest first": lambda: answers.executions(week, limit=50, order="cost_usd:desc"),
        "list, by text": lambda: answers.executions(Filters(since=NOW - WEEK, query="order 4711"), limit=50),
        "filters": lambda: answers.filters(Filters()),
        "one execution": lambda: answers.execution(some),
        "doctor": answers.doctor,
    }
    for label, question in questions.items():
        yield label, median(_timed(question) for _ in range(7))


def _timed(question) -> float:
    begun = time.perf_counter()
    question()
    return time.perf_counter() - begun


def stored_executions(start: int, rows: int, count: int, *, now: int = NOW, result_version: int = 0) -> results.Results:
    """So many of `count` executions of the week until `now`, from number `start` on; no steps, no traces."""
    executions = _executions(start, rows, count, now, result_version)
    empty = {
        name: results.schema(fields).empty_table()
        for name, fields in (
            ("trace_executions", results.TRACE_EXECUTION_FIELDS),
            ("steps", results.STEP_FIELDS),
            ("actions", results.ACTION_FIELDS),
            ("tool_matches", results.TOOL_MATCH_FIELDS),
            ("aliases", results.ALIAS_FIELDS),
            ("moved", results.MOVED_FIELDS),
            ("consumed", results.CONSUMED_FIELDS),
            ("replaced", results.REPLACED_FIELDS),
        )
    }
    return results.Results(executions=executions, since=now - WEEK, until=now, **empty)


def _executions(start: int, rows: int, count: int, now: int, result_version: int) -> pa.Table:
    """Executions in order of arrival; sessions of three, every fifteenth failed."""
    random = np.random.default_rng(start)
    number = np.arange(start, start + rows)
    failed = random.random(rows) < 1 / 15
    started = now - WEEK + (number * (WEEK // count))
    frame = pl.DataFrame(
        {
            "execution_id": [f"{(n * 2654435761) % 2**61:032x}" for n in number.tolist()],
            "number": number,
            "failed": failed,
            "started_at": started,
            "latency_ms": random.lognormal(8, 1, rows),
            "cost_usd": random.lognormal(-5, 1, rows),
            "input_tokens": random.integers(100, 9_000, rows),
            "task_type": np.array(["refund_request", "order_status", "complaint"])[random.integers(0, 3, rows)],
            "release": np.array(["2026.11.1", "2026.11.2", "2026.11.3"])[random.integers(0, 3, rows)],
            "kind": np.array(["tool_error", "tool_timeout", "loop", "gave_up"])[random.integers(0, 4, rows)],
            "said": np.array([f"said word{n} of many" for n in range(SAYINGS)])[random.integers(0, SAYINGS, rows)],
            "tool": np.array(["lookup_order", "issue_refund", "send_email"])[random.integers(0, 3, rows)],
        }
    )
    failing = pl.when("failed")
    named = {
        "task_id": pl.col("execution_id"),
        "trace_ids": pl.concat_list("execution_id"),
        "session_id": pl.format("session {}", pl.col("number") // 3),
        "agent": pl.lit("planner"),
        "service": pl.lit("support"),
        "environment": pl.lit("prod"),
        "purpose": pl.lit("production"),
        "status": failing.then(pl.lit("error")).otherwise(pl.lit("ok")),
        "success": ~pl.col("failed"),
        "success_source": pl.lit("code"),
        "first_pass": ~pl.col("failed"),
        "self_corrected": pl.lit(value=False),
        "escalated": pl.col("number") % 20 == 0,
        "input": pl.format("where is order {}? please look it up for me", "number"),
        "output": pl.format("order {} is on its way", "number"),
        "active_ms": pl.col("latency_ms"),
        "output_tokens": pl.lit(120),
        "ended_at": pl.col("started_at") + 2_000_000_000,
        "last_received_at": pl.col("started_at") + 3_000_000_000,
        "root_ended": pl.lit(value=True),
        "result_version": pl.lit(result_version),
        "failing_step_path": failing.then(pl.format("planner/{}", "tool")),
        "failing_step_name": failing.then(pl.col("tool")),
        "failure_kind": failing.then(pl.col("kind")),
        "failure_signature": failing.then(pl.format("planner/{} · {} · {} {}", "tool", "kind", "tool", "said")),
        "failure_reason": failing.then(pl.format("{} failed", "tool")),
    }
    made = frame.with_columns(**named)
    return pa.table(
        [_column(made, *field) for field in results.EXECUTION_FIELDS], schema=results.schema(results.EXECUTION_FIELDS)
    )


def _column(frame: pl.DataFrame, name: str, kind: pa.DataType, nullable: bool) -> pa.Array:  # noqa: FBT001 (a field of results.py as it is)
    if name in frame.columns:
        made = frame[name].to_arrow()
        return made.cast(pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else made.cast(kind)
    if nullable:
        return pa.nulls(frame.height, kind)
    return pa.array([[]] * frame.height, kind) if pa.types.is_list(kind) else pa.array([0] * frame.height, kind)


if __name__ == "__main__":
    main()
