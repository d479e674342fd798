"""Somebody says that the task was not done: where nothing failed visibly, the answer is the best place to look.

Where no model call answered, nothing is suspected.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_analytics.jobs.frames import shaped

_SCORE: Final = 0.25
_WITNESSES: Final = {"human": "a person", "code": "the agent's code", "evaluator": "an evaluator"}


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The last model call that answered without asking for a tool, in executions that were judged a failure."""
    witness = pl.col("success_source").replace_strict(_WITNESSES, default=None, return_dtype=pl.String)
    answered = (pl.col("type") == "llm_call") & (pl.col("status") == "ok") & (pl.col("asked_tools").list.len() == 0)
    return (
        steps.filter((pl.col("success") == False) & answered)  # noqa: E712
        .with_columns(witness.alias("witness"))
        .filter(pl.col("witness").is_not_null())
        .unique("execution_id", keep="last", maintain_order=True)
        .rechunk()  # Polars 2.1 panics in pl.format where a filter left an empty chunk
        .select(
            "execution_id",
            "at",
            pl.lit(None).alias("cause_step_id"),
            pl.lit("wrong_answer").alias("kind"),
            pl.lit(_SCORE).alias("score"),
            pl.format("no step failed visibly; the outcome was set to failure by {}", "witness").alias("reason"),
            pl.lit(value=False).alias("fails"),
        )
        .pipe(shaped, evidence.SUSPECT_SCHEMA)
    )
