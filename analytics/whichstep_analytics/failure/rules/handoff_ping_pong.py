"""Two agents hand the work to each other again and again."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence

_TURNS: Final = 4
"""Hand-overs in a row, each back to where the one before came from: A to B, B to A, A to B, B to A."""


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The hand-over that made it a game; enough by itself where nothing worked after it."""
    handoffs = steps.filter(pl.col("type") == "handoff")
    if handoffs.height < _TURNS:
        return evidence.no_suspects()
    back = (pl.col("action") == pl.col("action").shift(2)) & (pl.col("action") != pl.col("action").shift(1))
    handoffs = handoffs.with_columns(back.over("execution_id").fill_null(value=False).alias("back"))
    game = handoffs.filter((pl.col("back") & pl.col("back").shift(1)).over("execution_id"))
    first = game.unique("execution_id", keep="first", maintain_order=True)
    return evidence.suspected(
        first,
        kind="loop",
        score=0.6,
        reason=pl.format("the work was handed back and forth {} times, here to {} again", pl.lit(_TURNS), "action"),
        cause=pl.col("requested_by"),
    )
