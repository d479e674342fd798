"""The place of executions in their session."""

from __future__ import annotations

import polars as pl


def turns(executions: pl.DataFrame, neighbours: pl.DataFrame) -> pl.DataFrame:
    """execution_id and turn of all executions of the sessions concerned, the neighbours' included, by start."""
    columns = ["execution_id", "session_id", "started_at"]
    others = neighbours.join(executions, on="execution_id", how="anti")
    everyone = pl.concat([executions.select(columns), others.select(columns)])
    return (
        everyone.filter(pl.col("session_id").is_not_null())
        .sort("session_id", "started_at", "execution_id")
        .select("execution_id", pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("session_id").alias("turn"))
    )
