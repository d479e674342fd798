"""Marks the steps whose answers have values that stand in no source of their execution."""

from __future__ import annotations

from typing import Final

import polars as pl

FLAG: Final = "ungrounded_output"
SHOWN_MAX: Final = 5


def mark(steps: pl.DataFrame, ungrounded: pl.DataFrame) -> pl.DataFrame:
    """The steps with `ungrounded` (the values in words; null where all are grounded), and the flag on those with any.

    `ungrounded`: results.UNGROUNDED_FIELDS.
    """
    if ungrounded.is_empty():
        return steps.with_columns(pl.lit(None, pl.String).alias("ungrounded"))
    more = pl.col("ungrounded").list.len() - SHOWN_MAX
    rest = pl.when(more > 0).then(pl.format(" and {} more", more)).otherwise(pl.lit(""))
    words = pl.col("ungrounded").list.head(SHOWN_MAX).list.join(", ") + rest
    found = ungrounded.select("execution_id", "step_id", words.alias("ungrounded"))
    marked = steps.join(found, on=["execution_id", "step_id"], how="left", maintain_order="left")
    flagged = (
        pl.when(pl.col("ungrounded").is_not_null()).then(pl.col("flags").list.concat(pl.lit([FLAG]))).otherwise("flags")
    )
    return marked.with_columns(flagged.alias("flags"))
