"""A turn said word for word what it had said before, or repeated an action that had given the same result."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence

_WORDS: Final = 40
"""Characters of a turn from which on saying the same again is no accident."""


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The first repetition of each. `loop` tells of those that end a run."""
    said = steps.filter((pl.col("type") == "llm_call") & (pl.col("output").str.len_chars() > _WORDS))
    did = steps.filter(pl.col("type").is_in(evidence.ACTIONS) & pl.col("arguments_digest").is_not_null())
    return pl.concat([
        evidence.suspected(
            _second(said, "agent", "output"),
            kind="loop",
            score=0.3,
            reason=pl.lit("it says word for word what was said before"),
        ),
        evidence.suspected(
            _second(did, "action", "arguments_digest", "result"),
            kind="loop",
            score=0.3,
            reason=pl.format("{} was called again with the same arguments and brought nothing new", "action"),
            cause=pl.col("requested_by"),
        ),
    ])  # fmt: skip


def _second(rows: pl.DataFrame, *same: str) -> pl.DataFrame:
    return rows.filter(pl.int_range(pl.len()).over("execution_id", *same) == 1)
