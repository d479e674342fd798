"""A person refused the action, or nobody decided on it in time."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_analytics.jobs.frames import shaped

_KINDS: Final = {"rejected": "approval_rejected", "expired": "approval_expired"}
_WORDS: Final = {"rejected": "a person refused {}", "expired": "nobody decided on {} in time"}


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Actions that were held for a person and never allowed; less sure where only words tell of the refusal."""
    refused = steps.filter(pl.col("status").is_in(list(_KINDS)))
    words = pl.col("status").replace_strict(_WORDS, return_dtype=pl.String)
    return refused.select(
        "execution_id",
        "at",
        pl.col("requested_by").alias("cause_step_id"),
        pl.col("status").replace_strict(_KINDS, return_dtype=pl.String).alias("kind"),
        pl.when(pl.col("flags").list.contains("guessed")).then(0.75).otherwise(0.95).alias("score"),
        words.str.replace("{}", pl.col("action"), literal=True).alias("reason"),
        pl.lit(value=True).alias("fails"),
    ).pipe(shaped, evidence.SUSPECT_SCHEMA)
