"""Rows of one cluster (session, task) as one row, and sums over groups of rows."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl


def repeats(rows: pl.DataFrame, key: str) -> bool:
    """Whether any cluster has two rows.

    To look first is cheap (30 ms a million keys) and saves a hash table as large as the rows, which is most of the
    time of a metric where every execution is its own session and task (benchmarks/analytics/bench_metrics.py).
    """
    return rows[key].n_unique() < rows.height


def merged(rows: pl.DataFrame, key: str, totals: Iterable[pl.Expr]) -> pl.DataFrame:
    """One row per group and cluster with `totals`."""
    return rows.lazy().group_by("group", key).agg(*totals).collect()


def per_group(rows: pl.DataFrame, totals: Iterable[pl.Expr]) -> pl.DataFrame:
    """One row per group with `totals`; plain sums where there is one group, a third of the time of grouping."""
    if rows["group"].max() == 0:
        return rows.lazy().select(pl.lit(0, pl.UInt32).alias("group"), *totals).collect()
    return rows.lazy().group_by("group").agg(*totals).collect()
