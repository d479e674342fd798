"""The failing step of executions, the decision that led there, and all suspects in order.

What the rules suspect is ranked by score, then by position. The first suspect that is enough by itself is the failing
step. Where the outcome is known it rules: a success has no failing step, and a failure that no rule is sure of takes
the best suspect, however weak; without any its kind is unknown. An execution that still runs or waits has not failed.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence, rules
from whichstep_analytics.failure.signature import signature
from whichstep_analytics.jobs.frames import shaped

_ENDED: Final = ("ok", "error", "abandoned")
FAILURE_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "failing_step_id": pl.UInt64(),
        "failing_step_name": pl.String(),
        "failing_step_path": pl.String(),
        "cause_step_id": pl.UInt64(),
        "failure_kind": pl.String(),
        "failure_reason": pl.String(),
        "failure_confidence": pl.Float64(),
        "failure_signature": pl.String(),
        "suspects": pl.String(),
    }
)


def locate(steps: pl.DataFrame, executions: pl.DataFrame) -> pl.DataFrame:
    """FAILURE_SCHEMA for the executions that have suspects or are known to have failed.

    `executions` has execution_id, status, success and success_source; `steps` is what `jobs.steps.run` gives.
    """
    ranked = _ranked(steps, executions)
    chosen = ranked.filter(pl.col("chosen")).unique("execution_id", keep="first", maintain_order=True)
    return (
        executions.select("execution_id")
        .join(_suspects_json(ranked), on="execution_id", how="left")
        .join(_failing(chosen), on="execution_id", how="left")
        .with_columns(_kind_or_unknown(_failed(executions)["execution_id"]))
        .filter(pl.col("suspects").is_not_null() | pl.col("failure_kind").is_not_null())
        .pipe(shaped, FAILURE_SCHEMA)
    )


def _failed(executions: pl.DataFrame) -> pl.DataFrame:
    return executions.filter((pl.col("success") == False) & pl.col("status").is_in(_ENDED))  # noqa: E712


def _kind_or_unknown(failed: pl.Series) -> pl.Expr:
    unknown = pl.when(pl.col("execution_id").is_in(failed.implode())).then(pl.lit("unknown"))
    return pl.coalesce("failure_kind", unknown).alias("failure_kind")


def _ranked(steps: pl.DataFrame, executions: pl.DataFrame) -> pl.DataFrame:
    """All suspects with their step's columns and `chosen`, best first within an execution."""
    suspects = rules.fired(evidence.prepare(steps, executions))
    columns = ["at", "step_id", "name", "path", "position", "error_type", "error_message"]
    # where the run is known to have failed and no suspect is enough by itself, the best one has to do
    weak = (pl.col("success") == False) & ~pl.col("fails").any().over("execution_id")  # noqa: E712
    blamed = pl.col("fails") | weak.fill_null(value=False)
    may_fail = pl.col("status").is_in(_ENDED) & ~pl.col("success").fill_null(value=False)
    beside = suspects.join(steps.select(columns), on="at").join(
        executions.select("execution_id", "status", "success"), on="execution_id"
    )
    ranked = beside.sort("execution_id", pl.col("score") * -1, "position", "kind")
    return ranked.with_columns((may_fail & blamed).alias("chosen"))


def _failing(chosen: pl.DataFrame) -> pl.DataFrame:
    message = pl.coalesce(
        pl.concat_str([pl.col("error_type"), pl.col("error_message")], separator=": ", ignore_nulls=True), "reason"
    )
    text = (
        pl.when(pl.col("error_message").is_not_null() | pl.col("error_type").is_not_null())
        .then(message)
        .otherwise("reason")
    )
    return chosen.rechunk().select(  # Polars 2.1 panics in pl.format where a filter left an empty chunk
        "execution_id",
        pl.col("step_id").alias("failing_step_id"),
        pl.col("name").alias("failing_step_name"),
        pl.col("path").alias("failing_step_path"),
        "cause_step_id",
        pl.col("kind").alias("failure_kind"),
        pl.col("reason").alias("failure_reason"),
        pl.col("score").alias("failure_confidence"),
        signature(pl.col("path"), pl.col("kind"), text).alias("failure_signature"),
    )  # fmt: skip


def _suspects_json(ranked: pl.DataFrame) -> pl.DataFrame:
    """One JSON array per execution; step ids as 16 hex digits, as everywhere outside the store."""
    one = pl.struct(
        pl.col("step_id")
        .map_elements(lambda step: f"{step:016x}", return_dtype=pl.String)
        .alias("step_id"),  # few rows
        "kind",
        "rule",
        pl.col("score").round(3),
        "reason",
    ).struct.json_encode()
    return ranked.group_by("execution_id", maintain_order=True).agg(
        (pl.lit("[") + one.str.join(",") + pl.lit("]")).alias("suspects")
    )
