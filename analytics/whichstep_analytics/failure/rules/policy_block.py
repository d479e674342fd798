"""The policy blocked an action. A block that the agent got around is no failure."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_analytics.jobs.frames import shaped


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Steps that were not allowed to run; they fail a run where no action worked afterwards."""
    return (
        steps.filter(pl.col("status") == "blocked")
        .rechunk()  # Polars 2.1 panics in pl.format where a filter left an empty chunk
        .select(
            "execution_id",
            "at",
            pl.col("requested_by").alias("cause_step_id"),
            pl.lit("policy_block").alias("kind"),
            pl.lit(0.95).alias("score"),
            pl.format("the policy blocked {}", "action").alias("reason"),
            (~evidence.went_on()).alias("fails"),
        )
        .pipe(shaped, evidence.SUSPECT_SCHEMA)
    )
