"""The last answer says that the task was not done, and no action of the run worked."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence

_GAVE_UP: Final = (
    r"(?is)\b(sorry|apolog\w*|unfortunately|regret\w*)\b.{0,120}"
    r"\b(could not|couldn.t|cannot|can.t|can not|unable|not able|failed to|wasn.t able)\b"
)


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The last model call of executions whose answer is an apology for not having done it."""
    last = (
        steps.filter((pl.col("type") == "llm_call") & (pl.col("status") == "ok") & pl.col("acted_after").is_null())
        .group_by("execution_id", maintain_order=True)
        .last()
        .filter(pl.col("output").str.contains(_GAVE_UP))
    )
    return evidence.suspected(
        last,
        kind="gave_up",
        score=0.4,
        reason=pl.lit("the answer says that it could not be done, and no action worked before it"),
        fails=True,
    )
