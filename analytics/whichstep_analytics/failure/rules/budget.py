"""The run was ended by a limit on its turns, time or steps, as its last words say.

An error that names a limit is told by `hard_error`; what went round in circles until then by `loop`.
"""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, lexicon


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The last model call where it says that a limit was reached."""
    calls = steps.filter(pl.col("type") == "llm_call")
    last = calls.unique("execution_id", keep="last", maintain_order=True)
    return evidence.suspected(
        last.filter(pl.col("output").str.head(200).str.contains(lexicon.STOPPED_AT_LIMIT)),
        kind="budget_exceeded",
        score=0.2,
        reason=pl.lit("the run was ended by a limit before it was done"),
    )
