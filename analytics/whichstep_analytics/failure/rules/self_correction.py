"""The agent took something back: the next turn says that there was a mistake, or calls the same tool otherwise."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, lexicon


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The turn before the one that takes back, and calls repeated at once with other arguments."""
    turns = steps.filter(pl.col("type") == "llm_call").with_columns(
        pl.col("output").shift(-1).over("execution_id").alias("next_output")
    )
    calls = steps.filter((pl.col("type") == "tool_call") & (pl.col("status") == "ok"))
    following = [pl.col(name).shift(-1).over("execution_id") for name in ("action", "arguments_digest")]
    otherwise = (following[0] == pl.col("action")) & following[1].ne_missing(pl.col("arguments_digest"))
    return pl.concat([
        evidence.suspected(
            turns.filter(pl.col("next_output").str.contains(lexicon.CORRECTED)),
            kind="wrong_answer",
            score=0.4,
            reason=pl.lit("the next turn says that there was a mistake"),
        ),
        evidence.suspected(
            calls.filter(otherwise.fill_null(value=False)),
            kind="wrong_tool",
            score=0.2,
            reason=pl.format("{} was called again at once with other arguments", "action"),
            cause=pl.col("requested_by"),
        ),
    ])  # fmt: skip
