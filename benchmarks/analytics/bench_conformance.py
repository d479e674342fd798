"""How long does the conformance of 100,000 executions take? Limit: a minute. Half of them have a variant of their own.

Executions of a ReAct agent under a contract of level 3 with rules and budgets: 4 to 40 steps each, one in ten disturbed.

    python -m benchmarks.analytics.bench_conformance [EXECUTIONS]
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import polars as pl

from whichstep.contract import parse
from whichstep_analytics.conformance import check

LIMIT_SECONDS = 60.0
CONTRACT = parse(
    {
        "name": "support",
        "level": 3,
        "steps": {
            "retrieve": {"next": "model"},
            "model": {"next": ["tools", "end"]},
            "tools": {"next": "model", "tools": ["lookup_*", "issue_refund", "send_email"]},
        },
        "rules": [
            {"rule": "precedence", "first": "lookup_*", "then": "issue_refund"},
            {"rule": "response", "first": "issue_refund", "then": "send_email"},
        ],
        "budgets": {"steps": 60, "cost_usd": 0.5, "loops": 12},
    }
)
TOOLS = ("lookup_order", "lookup_customer", "issue_refund", "send_email")


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 100_000
    steps, executions = made(count)
    began, cpu = time.perf_counter(), time.process_time()
    found = check(steps, executions, CONTRACT)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    whole = took * 100_000 / count
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    conformant = found.rows["conformant"].sum()
    print(
        f"conformance  {count:,} executions, {steps.height:,} steps, {len(found.judged):,} variants ({conformant:,} conformant): "
        f"{took:.1f} s ({used:.1f} s CPU, {memory:,.0f} MB); 100,000 would take {whole:.1f} s, limit {LIMIT_SECONDS:.0f}"
    )


def made(count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(1)
    rows: dict[str, list] = {name: [] for name in ("execution_id", "parent_step_id", "type", "name")}
    for number in range(count):
        trace = _trace(rng, few=number % 2 == 0, disturbed=number % 10 == 0)
        rows["execution_id"] += [f"{number:032x}"] * len(trace)
        for name, at in (("type", 0), ("name", 1), ("parent_step_id", 2)):
            rows[name] += [step[at] for step in trace]
    steps = pl.DataFrame(rows, schema_overrides={"parent_step_id": pl.UInt64}).with_columns(
        pl.int_range(1, pl.len() + 1).over("execution_id").cast(pl.UInt64).alias("step_id"),
        pl.int_range(1, pl.len() + 1).over("execution_id").cast(pl.Int32).alias("position"),
        pl.lit("ok").alias("status"),
        pl.lit(None, pl.String).alias("error_type"),
    )
    executions = steps.select(pl.col("execution_id").unique(maintain_order=True)).with_columns(
        pl.lit("ok").alias("status"),
        pl.lit(0.1).alias("cost_usd"),
        pl.lit(100, pl.Int64).alias("tokens"),
        pl.lit(1e3).alias("active_ms"),
    )
    return steps, executions


def _trace(rng: np.random.Generator, *, few: bool, disturbed: bool) -> list[tuple[str, str, int | None]]:
    trace: list[tuple[str, str, int | None]] = [("agent", "support", None), ("other", "retrieve", 1)]
    for _ in range(int(rng.integers(1, 3 if few else 10))):
        trace += [("other", "model", 1), ("llm_call", "gpt", len(trace) + 1), ("other", "tools", 1)]
        trace.append(("tool_call", TOOLS[0] if few else TOOLS[int(rng.integers(0, 4))], len(trace)))
    trace.append(("other", "model", 1))
    if disturbed:
        trace.insert(int(rng.integers(2, len(trace))), ("other", "odd", 1))
    return trace


if __name__ == "__main__":
    main()
