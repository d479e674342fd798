"""The policy blocked an action, or the workflow's contract forbade a step. What the agent got around is no failure."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Steps that were not allowed to run; they fail a run where no action worked afterwards."""
    return evidence.suspected(
        steps.filter(pl.col("status") == "blocked"),
        kind="policy_block",
        score=0.95,
        reason=pl.format("{} {}", _who(), "action"),
        cause=pl.col("requested_by"),
        fails=~evidence.went_on(),
    )


def _who() -> pl.Expr:
    by_contract = pl.col("error_type").fill_null("").str.ends_with("WorkflowViolation")
    contract = pl.lit("the contract of the workflow forbade")
    return pl.when(by_contract).then(contract).otherwise(pl.lit("the policy blocked"))
