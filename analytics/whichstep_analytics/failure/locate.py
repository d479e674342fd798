"""The failing step of executions, the decision that led there, and all suspects in order.

Deterministic first: the first suspect, by score and then by position, of which a rule is sure (`fails`) is the failing
step. Where the outcome is known it rules: a success has no failing step; a failure that no rule is sure of is given to
the scorer where a person, the agent's code or an evaluator judged it, and its likeliest turn is named; without model
calls the best suspect, however weak, is; without any the kind is unknown. Of an outcome that nobody knows only rules
that are sure tell. An execution that still runs or waits has not failed.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence, rules, scorer
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


def locate(
    steps: pl.DataFrame,
    executions: pl.DataFrame,
    expectations: pl.DataFrame | None = None,
    *,
    weights: scorer.Weights | None = None,
) -> pl.DataFrame:
    """FAILURE_SCHEMA for the executions that have suspects or are known to have failed.

    Args:
        steps: what `jobs.steps.run` gives.
        executions: execution_id, status, success and success_source.
        expectations: `evidence.EXPECTATION_SCHEMA`, of several the last counts; None where nothing is expected.
        weights: of the scorer, by default those that ship.
    """
    prepared = evidence.prepare(steps, executions, expectations)
    suspects = _with_scored(prepared, rules.fired(prepared), executions, weights or scorer.shipped())
    ranked = _ranked(suspects, steps, executions)
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


def _with_scored(
    prepared: pl.DataFrame, fired: pl.DataFrame, executions: pl.DataFrame, weights: scorer.Weights
) -> pl.DataFrame:
    """What fired; of judged executions that no rule is sure of, the scorer's ranking of their turns instead.

    Adds `of_agent`: how likely the scorer thinks the agent of the suspect to blame; of others their score.
    """
    fired = fired.with_columns(pl.col("score").alias("of_agent"))
    sure = fired.filter(pl.col("fails") & (pl.col("score") >= rules.SURE))
    doubtful = _failed(executions).select("execution_id").join(sure, on="execution_id", how="anti")
    turns = prepared.filter("judged").join(doubtful, on="execution_id", how="semi", maintain_order="left")
    if turns.is_empty():
        return fired
    scored = scorer.suspects(turns, fired.join(doubtful, on="execution_id", how="semi"), weights)
    unasked = prepared.filter(pl.col("turn_at").is_null())["at"]  # no turn answers for them
    told = pl.col("execution_id").is_in(scored["execution_id"].unique().implode()) & ~pl.col("at").is_in(
        unasked.implode()
    )
    return pl.concat([fired.filter(~told), scored])


def _ranked(suspects: pl.DataFrame, steps: pl.DataFrame, executions: pl.DataFrame) -> pl.DataFrame:
    """All suspects with their step's columns and `chosen`, best first within an execution; one a step and kind."""
    columns = ["at", "step_id", "name", "path", "position", "error_type", "error_message"]
    # where the run is known to have failed and no suspect is enough by itself, the best one has to do
    weak = (pl.col("success") == False) & ~pl.col("fails").any().over("execution_id")  # noqa: E712
    blamed = pl.col("fails") | weak.fill_null(value=False)
    may_fail = pl.col("status").is_in(_ENDED) & ~pl.col("success").fill_null(value=False)
    beside = suspects.join(steps.select(columns), on="at").join(
        executions.select("execution_id", "status", "success"), on="execution_id"
    )
    ranked = beside.sort("execution_id", pl.col("of_agent") * -1, pl.col("score") * -1, "position", "kind")
    ranked = ranked.unique(["at", "kind"], keep="first", maintain_order=True)
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
    step_ids = [
        pl.col(name).map_elements(lambda step: f"{step:016x}", return_dtype=pl.String)  # few rows
        for name in ("step_id", "cause_step_id")
    ]
    one = pl.struct(*step_ids, "kind", "rule", pl.col("score").round(3), "reason").struct.json_encode()
    return ranked.group_by("execution_id", maintain_order=True).agg(
        (pl.lit("[") + one.str.join(",") + pl.lit("]")).alias("suspects")
    )
