"""Requests for approval that no span tells of: an agent that asks over HTTP alone has no step for it. The ledger knows.

The step hangs under the span that the request names, else under the execution's first. One whose span arrives later is
that span: it has the id that the request named.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import polars as pl

from whichstep_analytics.jobs import derived

_HERE: Final = ["execution_id", "step_id"]


def add(spans: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The spans and a derived `approval`, open as yet, for each request without one. `asked`: APPROVAL_FIELDS."""
    missed = _without_span(spans, asked)
    if missed.is_empty():
        return spans
    under = _places(spans, missed)
    above = spans[under["row"]]
    by_id = (under["step_id"].is_not_null() & (under["step_id"] != above["span_id"])).fill_null(value=False)
    rows = derived.rows(spans, under, kind="approval").with_columns(
        pl.lit(above["span_id"]).alias("parent_span_id"),
        pl.lit(under["step_id"].zip_with(by_id, _ids(under["approval_id"]))).alias("span_id"),
        *(pl.lit(under[name]).alias(name) for name in ("approval_id", "arguments")),
        pl.lit(under["asked_by"].zip_with(under["asked_by"].is_not_null(), above["agent"])).alias("agent"),
        pl.lit(None, pl.Datetime("ns")).alias("ended_at"),
        pl.lit(value=True).alias("pending"),
    )
    return pl.concat([spans, rows]).sort("execution_id", "started_at", "trace_id", "span_id")


def _without_span(spans: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    if asked.is_empty():
        return asked
    stops = spans.filter((pl.col("type") == "approval") | pl.col("control_flow").is_not_null())
    return asked.join(stops.select("approval_id"), on="approval_id", how="anti").join(
        stops.select("execution_id", step_id="span_id"), on=_HERE, how="anti"
    )


def _places(spans: pl.DataFrame, missed: pl.DataFrame) -> pl.DataFrame:
    """The requests of these executions, with the row above and what `derived.rows` reads."""
    rows = spans.select("execution_id", step_id="span_id").with_row_index("row")
    first = rows.group_by("execution_id").agg(pl.col("row").min().alias("first"))
    named = rows.unique(_HERE, keep="first")
    return (
        missed.join(first, on="execution_id")
        .join(named, on=_HERE, how="left")
        .sort("execution_id", "requested_at", "approval_id")
        .select(
            pl.coalesce("row", "first").alias("row"),
            "step_id",
            "approval_id",
            "arguments",
            "asked_by",
            pl.col("action").alias("name"),
            pl.lit("").alias("call_id"),
            pl.lit(0, pl.UInt64).alias("place"),
            pl.col("requested_at").alias("asked_at"),
        )
    )


def _ids(approval_ids: pl.Series) -> pl.Series:
    digests = [int.from_bytes(sha256(text.encode()).digest()[:8], "big") or 1 for text in approval_ids]
    return pl.Series(digests, dtype=pl.UInt64)
