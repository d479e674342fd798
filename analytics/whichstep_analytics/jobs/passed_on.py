"""Model calls that only the messages between agents tell of: flagged `derived`, of no length, with the agent's name.

They stand for calls that nobody sent. In an execution where model calls were sent those are believed and these dropped.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import kinds
from whichstep_analytics.jobs import derived

_CALL: Final = "model call"
_OF_MODELS: Final = ("llm_error", "rate_limited", "context_overflow")
_ALIKE = ["execution_id", "agent"]


def is_passed_on() -> pl.Expr:
    """Whether a row is such a call."""
    return (pl.col("type") == "llm_call") & pl.col("synthetic") & pl.col("flags").list.contains("derived")


def settle(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans without such calls where model calls were sent; with the calls that failed where none was."""
    if not spans["synthetic"].any():
        return spans
    calls = spans.select("execution_id", is_passed_on().alias("passed_on"), is_call=pl.col("type") == "llm_call")
    if not calls["passed_on"].any():
        return spans
    sent = calls.filter(pl.col("is_call") & ~pl.col("passed_on"))["execution_id"].unique()
    believed = ~spans["execution_id"].is_in(sent.implode()) & ~_told_again(spans)
    told = calls.filter(pl.col("passed_on") & believed)["execution_id"].unique()
    return _with_failed(spans.filter(~calls["passed_on"] | believed), told)


def _told_again(spans: pl.DataFrame) -> pl.Series:
    """Messages that a team passes on to the team that it is part of."""
    message = pl.when(is_passed_on()).then("response_id")
    again = message.is_not_null() & (pl.int_range(pl.len()).over("execution_id", message) > 0)
    return spans.select(again).to_series()


def _with_failed(spans: pl.DataFrame, executions: pl.Series) -> pl.DataFrame:
    """A call that failed passes no message on: its agent ends with the model's error instead."""
    failed = (pl.col("type") == "agent") & ~pl.col("synthetic") & pl.col("error") & kinds.kind().is_in(_OF_MODELS)
    agents = spans.with_row_index("row").filter(failed & pl.col("execution_id").is_in(executions.implode()))
    if agents.is_empty():
        return spans
    missed = agents.select(
        "row", pl.lit(0, pl.UInt64).alias("place"), pl.lit("").alias("call_id"), pl.lit(_CALL).alias("name"),
        pl.coalesce("ended_at", "started_at").alias("asked_at"),
    )  # fmt: skip
    calls = derived.rows(spans, missed, kind="llm_call").with_columns(
        pl.lit(None, pl.String).alias("tool"), agents["error_type"], agents["error_message"]
    )
    return pl.concat([spans, calls]).sort("execution_id", "started_at", "trace_id", "span_id")


def hung_up(spans: pl.DataFrame, parents: pl.Series) -> pl.Series:
    """The rows of the parents, where such a call stands under the agent of its name that had begun before it last."""
    rows = spans.select(*_ALIKE, "started_at", "type", "synthetic", "flags").with_row_index("row")
    calls = rows.filter(is_passed_on())
    if calls.is_empty():
        return parents
    agents = rows.filter((pl.col("type") == "agent") & ~pl.col("synthetic"))
    found = (
        calls.select("row", *_ALIKE, "started_at")
        .sort("started_at")
        .join_asof(
            agents.select(*_ALIKE, "started_at", pl.col("row").alias("above")).sort("started_at"),
            on="started_at",
            by=_ALIKE,
            check_sortedness=False,
        )
        .filter(pl.col("above").is_not_null())
    )
    return parents.scatter(found["row"], found["above"])
