"""A tool refused the arguments that a model call gave it, whether or not a later call got them right."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, kinds


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Tool calls whose error speaks of their arguments; `hard_error` says whether one stopped the run."""
    refused = steps.filter((pl.col("status") == "error") & (pl.col("type") == "tool_call"))
    refused = refused.filter(kinds.kind() == "invalid_arguments")
    return evidence.suspected(
        refused,
        kind="invalid_arguments",
        score=pl.when(pl.col("recovered")).then(0.2).otherwise(0.5),
        reason=pl.format("{} refused its arguments", "action"),
        cause=pl.col("requested_by"),
    )
