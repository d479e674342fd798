"""Handovers that only an answer tells of: a model asked for one, another agent started, and no span stands for it."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs import derived

HANDS_OVER: Final = r"^(transfer_to_|handoff_to_|transfer_back_to_|handoff$)"
"""Names of tools that hand over."""


def add(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans and a derived `handoff` for each handover that was asked for and happened without a span."""
    asked = derived.asks(spans).filter(pl.col("name").str.contains(HANDS_OVER))
    if asked.is_empty():
        return spans
    known = spans.filter(pl.col("type") == "handoff").select("execution_id").unique()
    agents = (
        spans.filter(pl.col("type") == "agent").group_by("execution_id").agg(pl.col("started_at").max().alias("last"))
    )
    missed = (
        asked.unique(["execution_id", "name"], keep="first", maintain_order=True)
        .join(known, on="execution_id", how="anti")
        .join(agents, on="execution_id")
        .filter(pl.col("last") >= pl.col("asked_at"))
    )
    if missed.is_empty():
        return spans
    found = pl.concat([spans, derived.rows(spans, missed, kind="handoff")])
    return found.sort("execution_id", "started_at", "trace_id", "span_id")
