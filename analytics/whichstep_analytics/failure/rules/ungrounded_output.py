"""The answer has ids, amounts, dates or addresses that stand in nothing the execution was given: they are made up.

What is computed from given numbers by one simple step is not suspected, see `grounding.check`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_analytics.jobs.frames import shaped

_SCORE: Final = 0.35


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The step whose answer has such values."""
    return (
        steps.filter(pl.col("ungrounded").is_not_null())
        .rechunk()  # Polars 2.1 panics in pl.format where a filter left an empty chunk
        .select(
            "execution_id",
            "at",
            pl.lit(None).alias("cause_step_id"),
            pl.lit("ungrounded_output").alias("kind"),
            pl.lit(_SCORE).alias("score"),
            pl.format("the answer says {}, which stands in no input, source or tool result", "ungrounded").alias(
                "reason"
            ),
            pl.lit(value=False).alias("fails"),
        )
        .pipe(shaped, evidence.SUSPECT_SCHEMA)
    )
