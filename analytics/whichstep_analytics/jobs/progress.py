"""How far an execution had come when it failed: model calls so far, and how full the context was."""

from __future__ import annotations

import polars as pl

_CALL = pl.col("type") == "llm_call"


def at_failure(steps: pl.DataFrame, located: pl.DataFrame) -> pl.DataFrame:
    """execution_id, failing_call and failing_context_tokens of the executions whose failing step is known.

    `failing_call` counts the model calls up to the failing step, that one included; `failing_context_tokens` are the
    input tokens of the last of them for which they are known. `located` has execution_id and failing_step_id.
    """
    known = located.select("execution_id", "failing_step_id").drop_nulls()
    beside = steps.select("execution_id", "step_id", "position", "type", "input_tokens").join(known, on="execution_id")
    failing = pl.col("position").filter(pl.col("step_id") == pl.col("failing_step_id")).first().over("execution_id")
    before = beside.filter(pl.col("position") <= failing).sort("execution_id", "position")
    return before.group_by("execution_id", maintain_order=True).agg(
        _CALL.sum().cast(pl.Int32).alias("failing_call"),
        pl.col("input_tokens").filter(_CALL).drop_nulls().last().alias("failing_context_tokens"),
    )
