"""A step ended in an error that nothing recovered. Steps that only pass on an error from below are not suspected."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, kinds

_STOPPED = 0.95
_UNCLEAR = 0.65
"""An agent's own error of no known kind is often the last sign of something else, a loop for one."""
_UNANSWERED = 0.7
_WORKED_AROUND = 0.3
_GUESSED = 0.6  # factor: the error was read from words


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Errors at their origin: those that stopped the step above, those that nothing followed, those worked around."""
    if not steps["hard"].any():
        return evidence.no_suspects()
    parent_failed = (steps["status"] == "error").gather(steps["parent_at"]).fill_null(value=True)
    origin = steps.with_columns((pl.lit(parent_failed) & ~evidence.went_on()).alias("stopped")).filter(
        steps["hard"] & ~evidence.inherited(steps, steps["hard"])
    )
    said = pl.concat_str([pl.col("error_type"), pl.col("error_message")], separator=": ", ignore_nulls=True)
    outcome = (
        pl.when(pl.col("stopped")).then(pl.lit("and stopped the run"))
        .when(evidence.went_on()).then(pl.lit("and the agent found another way"))
        .otherwise(pl.lit("and nothing made up for it"))
    )  # fmt: skip
    kind = pl.when(pl.col("wrapper") & (kinds.kind() == "unknown")).then(pl.lit("llm_error")).otherwise(kinds.kind())
    unclear = pl.col("type").is_in(("agent", "workflow")) & (kind == "unknown")
    score = (
        pl.when(pl.col("stopped")).then(pl.when(unclear).then(_UNCLEAR).otherwise(_STOPPED))
        .when(evidence.went_on()).then(_WORKED_AROUND)
        .otherwise(_UNANSWERED)
    )  # fmt: skip
    return evidence.suspected(
        origin,
        kind=kind,
        score=score * pl.when(pl.col("error_guessed")).then(_GUESSED).otherwise(1.0),
        reason=pl.format("{} failed ({}) {}", "name", said.fill_null("no message").str.head(200), outcome),
        cause=pl.col("requested_by"),
        fails=pl.col("stopped") | ~evidence.went_on(),
    )
