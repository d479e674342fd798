"""Rows of one cluster (session, task) as one row, and sums over groups of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

_WORD_BITS: Final = 63


def repeats(rows: pl.DataFrame, key: str) -> bool:
    """Whether any cluster has two rows.

    To look first is cheap (30 ms a million keys) and saves a hash table as large as the rows, which is most of the
    time of a metric where every execution is its own session and task (benchmarks/analytics/bench_metrics.py).
    """
    return rows[key].n_unique() < rows.height


def merged(rows: pl.DataFrame, key: str, totals: Iterable[pl.Expr]) -> pl.DataFrame:
    """One row per group and cluster with `totals`."""
    return rows.lazy().group_by("group", key).agg(*totals).collect()


def merged_counts(rows: pl.DataFrame, key: str, *, counted: Sequence[str], summed: Sequence[str] = ()) -> pl.DataFrame:
    """One row per group and cluster: how many of its rows are true in each column `counted`, and the sums of `summed`.

    Counts of several columns are added up side by side in one integer, as many bits each as the largest cluster needs:
    a hash table of a million rows pays for every column that it adds up (benchmarks/analytics/bench_metrics.py). A
    column that is false or true everywhere needs no counting.
    """
    true = rows.select(pl.col(*counted).sum()).row(0, named=True)
    varying = [name for name in counted if 0 < true[name] < rows.height]
    sizes = rows.lazy().group_by("group", key).len().select(pl.col("len").max()).collect().item() or 0
    bits = max(1, int(sizes).bit_length())
    words = [varying[start : start + _WORD_BITS // bits] for start in range(0, len(varying), _WORD_BITS // bits)]
    packed = {
        f"word {number}": pl.sum_horizontal(
            pl.col(name).cast(pl.UInt64) * (1 << place * bits) for place, name in enumerate(word)
        )
        for number, word in enumerate(words)
    }
    totals = (
        rows.lazy()
        .select("group", key, *summed, **packed)
        .group_by("group", key)
        .agg(pl.len().cast(pl.Int64).alias("size"), pl.all().sum())
    )
    unpacked = {
        name: ((pl.col(f"word {number}") // (1 << place * bits)) % (1 << bits)).cast(pl.Int64)
        for number, word in enumerate(words)
        for place, name in enumerate(word)
    }
    same = {name: pl.col("size") * int(true[name] > 0) for name in counted if name not in unpacked}
    return totals.select("group", *summed, **unpacked, **same).collect()


def per_group(rows: pl.DataFrame, totals: Iterable[pl.Expr]) -> pl.DataFrame:
    """One row per group with `totals`; plain sums where there is one group, a third of the time of grouping."""
    if rows["group"].max() == 0:
        return rows.lazy().select(pl.lit(0, pl.UInt32).alias("group"), *totals).collect()
    return rows.lazy().group_by("group").agg(*totals).collect()
