"""The directly-follows graph of executions: what came right after what, how often, and how often it went wrong."""

from __future__ import annotations

from typing import Final

import polars as pl

START, END = "start", "end"
_PAIR: Final = ["from", "to"]


def edges(sequences: pl.DataFrame, executions: pl.DataFrame) -> pl.DataFrame:
    """from, to, count, executions, failed (of these executions, those known not to be successful), most frequent first.

    `start` and `end` stand before the first and after the last activity; `executions` has execution_id and success.
    """
    pairs = _pairs(sequences).join(_failed(executions), on="execution_id")
    return _counted(pairs, _PAIR)


def nodes(sequences: pl.DataFrame, executions: pl.DataFrame) -> pl.DataFrame:
    """label, count, executions, failed (as of `edges`), errors (activities that ended in an error)."""
    joined = sequences.rename({"failed": "is_error"}).join(_failed(executions), on="execution_id")
    errors = joined.group_by("label").agg(pl.col("is_error").sum().alias("errors"))
    return _counted(joined, ["label"]).join(errors, on="label", how="left", maintain_order="left")


def distribution(sequences: pl.DataFrame) -> pl.DataFrame:
    """from, to, share: each pair's share of all pairs."""
    counts = _pairs(sequences).group_by(_PAIR).agg(pl.len().alias("count"))
    return counts.select(*_PAIR, (pl.col("count") / pl.col("count").sum()).alias("share"))


def distance(one: pl.DataFrame, other: pl.DataFrame) -> float | None:
    """Total variation distance of two distributions of pairs, 0 (the same) to 1 (nothing in common); None: no pairs."""
    if one.is_empty() or other.is_empty():
        return None
    both = one.join(other, on=_PAIR, how="full", coalesce=True, suffix="_other")
    gap = (pl.col("share").fill_null(0.0) - pl.col("share_other").fill_null(0.0)).abs().sum() / 2
    return float(both.select(gap).item())


def _pairs(sequences: pl.DataFrame) -> pl.DataFrame:
    """execution_id, from, to: one row for each activity and what came before it, and one for each end."""
    before = pl.col("label").shift(1).over("execution_id").fill_null(START).alias("from")
    steps = sequences.select("execution_id", before, pl.col("label").alias("to"))
    last = sequences.group_by("execution_id", maintain_order=True).agg(pl.col("label").last().alias("from"))
    return pl.concat([steps, last.with_columns(pl.lit(END).alias("to"))])


def _failed(executions: pl.DataFrame) -> pl.DataFrame:
    return executions.select("execution_id", (pl.col("success") == False).fill_null(value=False).alias("failed"))  # noqa: E712


def _counted(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    return (
        rows.group_by(by)
        .agg(
            pl.len().alias("count"),
            pl.col("execution_id").n_unique().alias("executions"),
            pl.col("execution_id").filter("failed").n_unique().alias("failed"),
        )
        .sort(["count", *by], descending=[True, *(False for _ in by)])
    )
