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
        "score": pl.Float64(),  # how sure the rule is, 0 to 1
        "reason": pl.String(),
        "fails": pl.Boolean(),  # enough by itself; else only where the execution is known to have failed
    }
)
_ACTIONS: Final = ("tool_call", "retrieval", "handoff")
_COLUMNS: Final = (
    "execution_id", "at", "parent_at", "step_id", "type", "name", "status", "recovered", "error_type", "error_message",
    "error_guessed", "requested_by", "started_at", "ended_at", "tool", "arguments_digest", "result", "output",
    "document_count", "flags", "wrapper", "asked_tools",
)  # fmt: skip
_SEARCHING: Final = r"(?i)search|retriev|find|query|lookup|knowledge|fetch"
"""Names of tools for which an empty result means that nothing was found."""
_NOTHING: Final = ("", "[]", "{}", "null", "None", '""', '{"documents": []}', '{"results": []}')


def prepare(steps: pl.DataFrame, executions: pl.DataFrame) -> pl.DataFrame:
    """The columns that rules read, in one chunk: of the steps, of their execution, and three derived ones.

    `hard`: an error that nothing recovered. `came_back_empty`: a search that found nothing. `acted_after`: the start of
    the last action of the execution that worked. `success`, `success_source`: of the execution, as far as known.
    """
    hard = (pl.col("status") == "error") & ~pl.col("recovered")
    worked = (pl.col("status") == "ok") & pl.col("type").is_in(_ACTIONS) & ~pl.col("came_back_empty")
    return (
        steps.lazy()
        .select(_COLUMNS)
        .join(_outcomes(executions).lazy(), on="execution_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("tool", "name").alias("action"))
        .with_columns(hard.alias("hard"), pl.lit(_came_back_empty(steps)).alias("came_back_empty"))
        .with_columns(pl.col("started_at").filter(worked).max().over("execution_id").alias("acted_after"))
        .collect()
        .rechunk()
    )  # fmt: skip


def _outcomes(executions: pl.DataFrame) -> pl.DataFrame:
    return executions.select("execution_id", "success", "success_source")


def _came_back_empty(steps: pl.DataFrame) -> pl.Series:
    """Names are looked at only where the result is empty: seldom, and that costs more than all the rest."""
    none_found = (pl.col("document_count") == 0).fill_null(value=False)
    silent = steps.filter(
        (pl.col("status") == "ok")
        & pl.col("type").is_in(("tool_call", "retrieval"))
        & (none_found | pl.col("result").is_in(_NOTHING))
    )
    searching = (pl.col("type") == "retrieval") | pl.coalesce("tool", "name").str.contains(_SEARCHING)
    empty = silent.filter(none_found | searching.fill_null(value=False))
    return pl.zeros(steps.height, dtype=pl.UInt8, eager=True).scatter(empty["at"], 1) == 1


def went_on() -> pl.Expr:
    """Whether an action worked after the step had ended: the agent found another way."""
    return (pl.col("acted_after") >= pl.coalesce("ended_at", "started_at")).fill_null(value=False)


def inherited(steps: pl.DataFrame, marked: pl.Series) -> pl.Series:
    """Whether the same mark is on a step below, so that this one only passes it on."""
    return tree.has_descendant(steps["parent_at"], marked)


def no_suspects() -> pl.DataFrame:
    """A frame of suspects without rows."""
    return pl.DataFrame(schema=SUSPECT_SCHEMA)
