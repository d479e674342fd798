"""An action failed, and the next model call went on as if it had not: no second try, no word about it."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, lexicon


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The model call after a failed action that was neither repeated nor spoken of."""
    actions = steps.filter(pl.col("type").is_in(evidence.ACTIONS) & (pl.col("status") == "error"))
    if actions.is_empty():
        return evidence.no_suspects()
    calls = steps.filter(pl.col("type") == "llm_call").select("execution_id", "at", "output", answered_by="asked_tools")
    after = actions.select("execution_id", "action", pl.col("at").alias("failed_at")).join_asof(
        calls,
        left_on="failed_at",
        right_on="at",
        by="execution_id",
        strategy="forward",
        coalesce=False,
        check_sortedness=False,
    )
    again = pl.col("answered_by").list.contains(pl.col("action"))
    spoken = pl.col("output").str.contains(lexicon.TROUBLE) | pl.col("output").str.contains(lexicon.CORRECTED)
    ignored = after.filter(pl.col("at").is_not_null() & ~again & ~spoken.fill_null(value=True))
    return evidence.suspected(
        ignored.unique("at", keep="first", maintain_order=True),
        kind="tool_error",
        score=0.4,
        reason=pl.format("{} had failed, and this call went on as if it had not", "action"),
    )
