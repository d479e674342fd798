"""What another policy would have said of past tool calls. Pure: frames in, frames out."""

from __future__ import annotations

import polars as pl

from whichstep.policy import Policy
from whichstep_analytics.jobs.actions import judge

UNKNOWN = "unknown"


def compare(calls: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Per action, and pair of risk levels before and after: calls and executions; most calls first.

    Args:
        calls: rows of the query `action_calls`. `before` is null where no policy, or too little of the arguments, was
            known; so is what comes after. Both are `unknown` in the answer.
        policy: the other one.
    """
    judged = judge(calls, policy).with_columns(
        pl.col("before").fill_null(UNKNOWN), pl.col("risk_level").fill_null(UNKNOWN).alias("after")
    )
    return (
        judged.group_by("action", "before", "after")
        .agg(pl.len().alias("calls"), pl.col("execution_id").n_unique().alias("executions"))
        .sort("calls", "action", "before", "after", descending=[True, False, False, False])
    )
