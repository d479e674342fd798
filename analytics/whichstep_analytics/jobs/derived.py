"""Rows for steps that no span stands for, read from the model call that asked for them. Flagged `derived`."""

from __future__ import annotations

from typing import Final

import polars as pl

_KEPT: Final = (
    "execution_id", "trace_id", "parent_span_id", "received_at", "dialect", "service", "agent", "setup", "pending",
    "error", "error_guessed", "links_join", "linked_trace_ids", "tags", "attribute_count", "digest", "also",
)  # fmt: skip
_MARK: Final = 0x9E3779B97F4A7C15
"""Makes the id of a step from the id of the model call that it is read from."""


def asks(spans: pl.DataFrame) -> pl.DataFrame:
    """What models asked for: row (of the call), execution_id, trace_id, name, call_id, place (in the answer), asked_at.

    Each call id once, where it was asked first.
    """
    found = (
        spans.with_row_index("row")
        .filter((pl.col("type") == "llm_call") & (pl.col("asked_tools").list.len() > 0))
        .select(
            "row",
            "execution_id",
            "trace_id",
            pl.coalesce("ended_at", "started_at").alias("asked_at"),
            pl.col("asked_tools").alias("name"),
            pl.col("asked_call_ids").alias("call_id"),
            pl.int_ranges(pl.col("asked_tools").list.len(), dtype=pl.UInt64).alias("place"),
        )
        .explode("name", "call_id", "place")
        .sort("asked_at", "row", "place")
    )
    named = found["call_id"] != ""
    once = found.filter(named).unique(["execution_id", "call_id"], keep="first", maintain_order=True)
    return pl.concat([once, found.filter(~named)])


def rows(spans: pl.DataFrame, missed: pl.DataFrame, *, kind: str, control_flow: str | None = None) -> pl.DataFrame:
    """A row of that type for each of `missed`: row (of the model call), name, call_id, place, asked_at."""
    calls = spans[missed["row"]]
    empty = [pl.lit(None, kind).alias(name) for name, kind in spans.schema.items() if name not in _KEPT]
    lists = [pl.lit([], pl.List(pl.String)).alias(name) for name in ("asked_tools", "asked_call_ids")]
    said = [
        pl.lit(kind).alias("type"),
        pl.lit(control_flow, pl.String).alias("control_flow"),
        pl.lit(value=True).alias("synthetic"),
        pl.lit(["derived"]).alias("flags"),
        pl.lit((calls["span_id"] ^ _MARK) + missed["place"]).alias("span_id"),
        pl.lit(missed["call_id"].replace("", None)).alias("tool_call_id"),
        *(pl.lit(missed["name"]).alias(name) for name in ("tool", "step_name", "merge_key")),
        *(pl.lit(missed["asked_at"]).alias(name) for name in ("started_at", "ended_at")),
    ]
    return calls.with_columns(empty).with_columns(lists).with_columns(said).select(spans.columns)
