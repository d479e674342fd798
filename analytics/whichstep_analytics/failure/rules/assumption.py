"""A turn goes on with data that it assumed, simulated or made up."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, lexicon


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Model calls whose words say so."""
    calls = steps.filter(pl.col("type") == "llm_call")
    return evidence.suspected(
        calls.filter(pl.col("output").str.contains(lexicon.ASSUMED)),
        kind="ungrounded_output",
        score=0.3,
        reason=pl.lit("it speaks of assumed or simulated data"),
    )
