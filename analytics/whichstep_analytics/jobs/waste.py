"""What was paid for nothing."""

from __future__ import annotations

import polars as pl


def of_steps(steps: pl.DataFrame) -> pl.DataFrame:
    """execution_id and wasted_cost_usd: of failed, rejected and repeated steps, and of the calls that asked for such.

    A call that asked for a step which failed is counted where the step was repeated: the first asking was no waste.
    """
    steps = steps.select("execution_id", "step_id", "status", "attempt", "requested_by", "cost_usd")
    again = (pl.col("attempt") > 1) | (pl.col("status") == "rejected")
    asked = steps.filter(again).select("execution_id", pl.col("requested_by").alias("step_id")).drop_nulls()
    lost = pl.concat(
        [
            steps.filter(again | (pl.col("status") == "error")),
            steps.join(asked, on=["execution_id", "step_id"], how="semi"),
        ]
    ).unique(["execution_id", "step_id"])
    return lost.group_by("execution_id").agg(pl.col("cost_usd").sum().alias("wasted_cost_usd"))
