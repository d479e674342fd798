"""A search found nothing, no later one found anything, and the agent answered without acting."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Retrievals without documents; they fail a run where no action worked afterwards."""
    return evidence.suspected(
        steps.filter(pl.col("came_back_empty")),
        kind="empty_retrieval",
        score=pl.when(evidence.went_on()).then(0.2).otherwise(0.6),
        reason=pl.format("{} found nothing and the answer rests on no document", "name"),
        cause=pl.col("requested_by"),
        fails=~evidence.went_on(),
    )
