"""How long people were waited for: the union of the times in which an action stood still for a decision."""

from __future__ import annotations

import polars as pl


def waits(steps: pl.DataFrame) -> pl.DataFrame:
    """execution_id and waited_ms for executions in which somebody was asked. Waits that overlap count once."""
    asked = steps.filter((pl.col("type") == "approval") & pl.col("ended_at").is_not_null())
    if asked.is_empty():
        return pl.DataFrame(schema={"execution_id": pl.String, "waited_ms": pl.Float64})
    before = pl.col("ended_at").cum_max().shift(1).over("execution_id")
    fresh = pl.max_horizontal("started_at", before)
    return (
        asked.select("execution_id", "started_at", "ended_at")
        .sort("execution_id", "started_at", "ended_at")
        .with_columns((pl.col("ended_at") - fresh).dt.total_nanoseconds().clip(lower_bound=0).alias("fresh"))
        .group_by("execution_id", maintain_order=True)
        .agg((pl.col("fresh").sum() / 1e6).alias("waited_ms"))
    )
