"""A search found nothing, no later one found anything, and the agent answered without acting."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_analytics.jobs.frames import shaped


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Retrievals without documents; they fail a run where no action worked afterwards."""
    empty = steps.filter(
        pl.col("came_back_empty")
    ).rechunk()  # Polars 2.1 panics in pl.format where a filter left an empty chunk
    return empty.select(
        "execution_id",
        "at",
        pl.col("requested_by").alias("cause_step_id"),
        pl.lit("empty_retrieval").alias("kind"),
        pl.when(evidence.went_on()).then(0.2).otherwise(0.6).alias("score"),
        pl.format("{} found nothing and the answer rests on no document", "name").alias("reason"),
        ~evidence.went_on().alias("fails"),
    ).pipe(shaped, evidence.SUSPECT_SCHEMA)
