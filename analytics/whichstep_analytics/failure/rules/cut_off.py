"""The run ended in the middle: its last turn is of an agent that works for another, which never took it up."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import crew, evidence


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The last model call of an orchestrated run where a worker made it."""
    turns = crew.turns(steps)
    last = turns.unique("execution_id", keep="last", maintain_order=True)
    return evidence.suspected(
        last.filter(pl.col("orchestrated") & pl.col("worker")),
        kind="unknown",
        score=0.3,
        reason=pl.format("the run ended here: nobody took up what {} said", "agent"),
    )
