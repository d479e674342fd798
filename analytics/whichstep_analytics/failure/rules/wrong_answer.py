"""Somebody says that the task was not done: where nothing failed visibly, the answer is the best place to look.

Where no model call answered, nothing is suspected.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence

_SCORE: Final = 0.25
_WITNESSES: Final = {"human": "a person", "code": "the agent's code", "evaluator": "an evaluator"}


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The last model call that answered without asking for a tool."""
    answered = (pl.col("type") == "llm_call") & (pl.col("status") == "ok") & (pl.col("asked_tools").list.len() == 0)
    witness = pl.col("success_source").replace_strict(_WITNESSES, default=None, return_dtype=pl.String)
    return evidence.suspected(
        steps.filter(answered).unique("execution_id", keep="last", maintain_order=True),
        kind="wrong_answer",
        score=_SCORE,
        reason=pl.format("no step failed visibly; the outcome was set to failure by {}", witness),
    )
