"""An orchestrating agent takes a list, or some of what was asked for, as found and goes on without checking it."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import crew, evidence, lexicon


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The first such turn after a worker's, of an orchestrated run."""
    turns = crew.turns(steps).filter("orchestrated", "took_up")
    found = turns.filter(pl.col("output").str.contains(lexicon.FOUND))
    return evidence.suspected(
        found.unique("execution_id", keep="first", maintain_order=True),
        kind="unknown",
        score=0.3,
        reason=pl.lit("it takes part of what was asked for as found, and goes on"),
    )
