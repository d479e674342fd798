"""A person refused the action, nobody answered in time, or the policy blocked it."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_analytics.jobs.frames import shaped

_KINDS: Final = {"rejected": "approval_rejected", "expired": "approval_expired", "blocked": "policy_block"}
_WORDS: Final = {
    "rejected": "a person refused {}",
    "expired": "nobody decided on {} in time",
    "blocked": "the policy blocked {}",
}


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Steps that were not allowed to run. A block that the agent got around is no failure."""
    refused = steps.filter(pl.col("status").is_in(list(_KINDS)))
    words = pl.col("status").replace_strict(_WORDS, return_dtype=pl.String)
    return refused.select(
        "execution_id",
        "at",
        pl.col("requested_by").alias("cause_step_id"),
        pl.col("status").replace_strict(_KINDS, return_dtype=pl.String).alias("kind"),
        pl.when(pl.col("flags").list.contains("guessed")).then(0.75).otherwise(0.95).alias("score"),
        words.str.replace("{}", pl.col("action"), literal=True).alias("reason"),
        ((pl.col("status") != "blocked") | ~evidence.went_on()).alias("fails"),
    ).pipe(shaped, evidence.SUSPECT_SCHEMA)
