"""The policy blocked an action. A block that the agent got around is no failure."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Steps that were not allowed to run; they fail a run where no action worked afterwards."""
    return evidence.suspected(
        steps.filter(pl.col("status") == "blocked"),
        kind="policy_block",
        score=0.95,
        reason=pl.format("the policy blocked {}", "action"),
        cause=pl.col("requested_by"),
        fails=~evidence.went_on(),
    )
