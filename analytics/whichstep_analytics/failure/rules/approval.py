"""A person refused the action, or nobody decided on it in time."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence

_KINDS: Final = {"rejected": "approval_rejected", "expired": "approval_expired"}
_WORDS: Final = {"rejected": "a person refused {}", "expired": "nobody decided on {} in time"}


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Actions that were held for a person and never allowed; less sure where only words tell of the refusal."""
    words = pl.col("status").replace_strict(_WORDS, return_dtype=pl.String)
    return evidence.suspected(
        steps.filter(pl.col("status").is_in(list(_KINDS))),
        kind=pl.col("status").replace_strict(_KINDS, return_dtype=pl.String),
        score=pl.when(pl.col("flags").list.contains("guessed")).then(0.75).otherwise(0.95),
        reason=words.str.replace("{}", pl.col("action"), literal=True),
        cause=pl.col("requested_by"),
        fails=True,
    )
