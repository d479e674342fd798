"""An action ended well as far as it says, and its result reads like an error."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, lexicon


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Actions with words of trouble in the start of their result."""
    done = (pl.col("status") == "ok") & pl.col("type").is_in(evidence.ACTIONS)
    return evidence.suspected(
        steps.filter(done).filter(pl.col("result").str.contains(lexicon.TROUBLE)),
        kind="tool_error",
        score=0.2,
        reason=pl.format("the result of {} reads like an error", "action"),
        cause=pl.col("requested_by"),
    )
