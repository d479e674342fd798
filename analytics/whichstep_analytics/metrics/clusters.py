"""Rows of one cluster (session, task) as one row."""

from __future__ import annotations

import polars as pl


def merged(rows: pl.LazyFrame, key: str, *totals: pl.Expr) -> pl.LazyFrame:
    """The rows as they are where no key repeats, else one row per group and key with `totals`.

    To look first is cheap (40 ms a million keys) and saves a hash table as large as the rows, which is most of the
    time of a metric where every execution is its own session and task (benchmarks/analytics/bench_metrics.py).
    """
    collected = rows.collect()
    if collected[key].n_unique() == collected.height:
        return collected.lazy()
    return collected.lazy().group_by("group", key).agg(*totals)
