"""Whether the task was done, from the strongest witness: a person, the agent's own code, an evaluator, inference.

Only evaluations named `task_success` decide success, and `policy_violation` whether a policy was violated. HUMAN is
believed from a reviewer's token alone; as merely claimed it ranks with the evaluators. Of several statements of one
rank the latest counts. Inference knows failure only: an execution that ended in an error, or an action that a person
refused. Everything else is unknown.
"""

from __future__ import annotations

from typing import Final

import polars as pl

TASK_SUCCESS: Final = "task_success"
POLICY_VIOLATION: Final = "policy_violation"
STATED_SCHEMA: Final = pl.Schema(
    {"execution_id": pl.String(), "human": pl.Boolean(), "evaluator": pl.Boolean(), "violated": pl.Boolean()}
)
_YES: Final = ("true", "pass", "passed", "yes", "success", "successful", "correct", "good", "1")
_NO: Final = ("false", "fail", "failed", "no", "failure", "unsuccessful", "incorrect", "bad", "0")
_PASS_SCORE: Final = 0.5


def stated(evaluations: pl.DataFrame, mapping: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """What people and evaluators say: STATED_SCHEMA, null where they say nothing. `violated`: a person's word first."""
    said = evaluations.filter(pl.col("name").is_in((TASK_SUCCESS, POLICY_VIOLATION)))
    if said.is_empty():
        return pl.DataFrame(schema=STATED_SCHEMA)
    said = said.with_columns(_verdict().alias("verdict")).filter(pl.col("verdict").is_not_null())
    alone = mapping.filter(~pl.col("trace_id").is_duplicated())
    by_trace = alone.select("trace_id", pl.col("execution_id").alias("by_trace"))
    responses = placed.filter(pl.col("response_id").is_not_null()).select(
        "response_id", pl.col("execution_id").alias("by_response")
    )
    human = pl.col("trusted") & (pl.col("source") == "HUMAN").fill_null(value=False)
    success, violated = (pl.col("name") == name for name in (TASK_SUCCESS, POLICY_VIOLATION))
    return (
        said.join(by_trace, on="trace_id", how="left")
        .join(_by_span(placed, mapping), on=["trace_id", "span_id"], how="left")
        .join(responses.unique("response_id", keep="any"), on="response_id", how="left")
        .with_columns(
            pl.coalesce("by_trace", _by_id(mapping), "by_span", "by_response", "execution_id").alias("execution_id")
        )
        .sort("occurred_at", "verdict")
        .group_by("execution_id", maintain_order=True)
        .agg(
            pl.col("verdict").filter(success & human).last().alias("human"),
            pl.col("verdict").filter(success & ~human).last().alias("evaluator"),
            pl.coalesce(
                pl.col("verdict").filter(violated & human).last(), pl.col("verdict").filter(violated).last()
            ).alias("violated"),
        )
    )


def _by_span(placed: pl.DataFrame, mapping: pl.DataFrame) -> pl.DataFrame:
    """Which execution each span of a shared trace belongs to: trace_id, span_id, by_span."""
    shared = mapping.filter(pl.col("trace_id").is_duplicated()).select("trace_id").unique()
    spans = placed.select("trace_id", "span_id", pl.col("execution_id").alias("by_span"))
    return spans.join(shared, on="trace_id", how="semi")


def _by_id(mapping: pl.DataFrame) -> pl.Expr:
    """The execution that a statement names itself, where it was made in a trace of several."""
    shared = mapping.filter(pl.col("trace_id").is_duplicated())["execution_id"]
    return pl.when(pl.col("execution_id").is_in(shared.implode())).then("execution_id")


def decide() -> list[pl.Expr]:
    """`success` and `success_source` from columns human, code, evaluator, refused (by a person), failed (inferred)."""
    no = pl.lit(value=False)
    ranked = (
        ("human", pl.when(pl.col("refused")).then(no).otherwise(pl.col("human"))),
        ("code", pl.col("code")),
        ("evaluator", pl.col("evaluator")),
        ("inferred", pl.when(pl.col("failed")).then(no)),
    )
    source = pl.coalesce(*(pl.when(verdict.is_not_null()).then(pl.lit(name)) for name, verdict in ranked))
    return [pl.coalesce(*(verdict for _, verdict in ranked)).alias("success"), source.alias("success_source")]


def _verdict() -> pl.Expr:
    label = pl.col("label").str.to_lowercase().str.strip_chars()
    return (
        pl.when(label.is_in(_YES)).then(pl.lit(value=True))
        .when(label.is_in(_NO)).then(pl.lit(value=False))
        .otherwise(pl.col("score") >= _PASS_SCORE)
    )  # fmt: skip
