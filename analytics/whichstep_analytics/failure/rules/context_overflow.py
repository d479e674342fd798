"""A model call ran into the limit of its context: its answer was cut off, or what was sent before was dropped."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence

_CUT_OFF: Final = ("length", "max_tokens", "max_output_tokens", "model_context_window_exceeded", "MAX_TOKENS")
_DROPPED: Final = 0.5
"""An agent's next call with fewer than so many of the tokens of the last: its history was cut."""
_LONG: Final = 20_000
"""Tokens of input below which nothing needs to be dropped."""


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Answers that ended at the token limit, and calls that were sent less than half of what the agent had before."""
    calls = steps.filter(pl.col("type") == "llm_call")
    before = pl.col("input_tokens").shift(1).over("execution_id", "agent")
    dropped = (before >= _LONG) & (pl.col("input_tokens") < before * _DROPPED)
    return pl.concat([
        evidence.suspected(
            calls.filter(pl.col("finish_reason").is_in(_CUT_OFF)),
            kind="context_overflow",
            score=0.4,
            reason=pl.format("the answer of {} was cut off at the token limit", "name"),
        ),
        evidence.suspected(
            calls.with_columns(before.alias("before")).filter(pl.col("judged") & dropped),
            kind="context_overflow",
            score=0.3,
            reason=pl.format("{} was sent {} tokens after {}: words were dropped", "name", "input_tokens", "before"),
        ),
    ])  # fmt: skip
