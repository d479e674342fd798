"""What every failure rule sees and gives: steps with a few derived columns in, suspects out."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs import tree

SUSPECT_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "at": pl.UInt32(),  # row of the suspected step
        "cause_step_id": pl.UInt64(),
        "kind": pl.String(),
        "score": pl.Float64(),  # how sure, 0 to 1
        "reason": pl.String(),
        "fails": pl.Boolean(),  # enough by itself; else only where the execution is known to have failed
    }
)
_ACTIONS: Final = ("tool_call", "retrieval", "handoff")
_NOTHING: Final = ("", "[]", "{}", "null", "None", '""', '{"documents": []}', '{"results": []}')


def prepare(steps: pl.DataFrame) -> pl.DataFrame:
    """Adds `hard` (error that nothing recovered), `came_back_empty` and `acted_after` (start of the last action that worked)."""
    empty_result = pl.col("result").is_in(_NOTHING) & pl.coalesce("tool", "name").str.contains(_SEARCHING)
    empty = ((pl.col("type") == "retrieval") & (pl.col("document_count") == 0)) | (
        pl.col("type").is_in(("tool_call", "retrieval"))
        & (empty_result | ((pl.col("document_count") == 0) & pl.col("document_count").is_not_null()))
    )
    worked = pl.col("type").is_in(_ACTIONS) & (pl.col("status") == "ok")
    steps = steps.with_columns(
        ((pl.col("status") == "error") & ~pl.col("recovered")).alias("hard"),
        (empty & (pl.col("status") == "ok")).fill_null(value=False).alias("came_back_empty"),
    )
    last = pl.col("started_at").filter(worked & ~pl.col("came_back_empty")).max()
    return steps.with_columns(last.over("execution_id").alias("acted_after"))


_SEARCHING: Final = r"(?i)search|retriev|find|query|lookup|knowledge|fetch"


def went_on() -> pl.Expr:
    """Whether an action worked after the step had ended: the agent found another way."""
    return (pl.col("acted_after") >= pl.coalesce("ended_at", "started_at")).fill_null(value=False)


def inherited(steps: pl.DataFrame, marked: pl.Series) -> pl.Series:
    """Whether the same mark is on a step below, so that this one only passes it on."""
    return tree.has_descendant(steps["parent_at"], marked)


def no_suspects() -> pl.DataFrame:
    """A frame of suspects without rows."""
    return pl.DataFrame(schema=SUSPECT_SCHEMA)
