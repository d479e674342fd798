"""Executions for tests of metrics: successful, production, one task each unless told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from whichstep_analytics.metrics.executions import KEYS, NUMBERS, Executions

NOON = 1_790_000_000_000_000_000 // 86_400_000_000_000 * 86_400_000_000_000 + 43_200_000_000_000
HOUR = 3_600 * 1_000_000_000
LATER = NOON + 365 * 24 * HOUR

FRAME_SCHEMA = {
    "task_key": pl.UInt64, "cluster_key": pl.UInt64, "started_at": pl.Int64,
    "release": pl.String, "task_type": pl.String, "agent": pl.String, "service": pl.String, "environment": pl.String,
    "configuration": pl.String, "purpose": pl.String, "status": pl.String, "success": pl.Boolean,
    "success_source": pl.String, "success_disputed": pl.Boolean, "outcome_weight": pl.Float64, "first_pass": pl.Boolean, "self_corrected": pl.Boolean, "escalated": pl.Boolean,
    "escalation_reason": pl.String, "violated": pl.Boolean, "latency_ms": pl.Float64, "active_ms": pl.Float64,
    "cost_usd": pl.Float64, "wasted_cost_usd": pl.Float64, "tokens": pl.Int64, "tool_accuracy": pl.Float64, "tools_expected": pl.Int32,
    "tools_called": pl.Int32, "tools_matched": pl.Int32, "calls_matched": pl.Int32, "tool_order": pl.Float64,
    "expected_escalation": pl.Boolean,
    "tool_call_count": pl.Int32, "tool_error_count": pl.Int32, "contract_violated": pl.Boolean,
    "action_count": pl.Int32, "ungated_count": pl.Int32,
}  # fmt: skip


def executions(rows: Iterable[Mapping[str, Any]]) -> Executions:
    """The rows as the store gives them; what a row does not say is as of a successful execution, every fact known."""
    return profiled(filled(rows))


def filled(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The rows as a frame, each with all that its query would know of an execution."""
    whole = [{**_known(number), **row} for number, row in enumerate(rows, start=1)]
    return pl.DataFrame(whole, schema=FRAME_SCHEMA).with_columns(
        started_on=pl.col("started_at").cast(pl.Datetime("ns")).dt.date()
    )


def profiled(frame: pl.DataFrame) -> Executions:
    """What the queries execution_profiles and execution_numbers make of such a frame."""
    facts = [name for name in frame.columns if name not in {*KEYS, *NUMBERS, "started_at"}]
    numbered = frame.with_columns(profile=pl.struct(facts).hash())
    profiles = numbered.group_by("profile").agg(pl.len().alias("n"), pl.col(facts).first())
    return Executions(profiles, numbered.select("profile", *KEYS, *NUMBERS))


def _known(number: int) -> dict[str, Any]:
    return {
        "task_key": number, "cluster_key": number, "started_at": NOON + number,
        "service": "support", "purpose": "production", "status": "ok", "success": True, "success_source": "code",
        "first_pass": True, "self_corrected": False, "escalated": False, "latency_ms": 2_000.0, "active_ms": 1_000.0,
        "cost_usd": 0.01, "wasted_cost_usd": 0.0, "tokens": 100,
    }  # fmt: skip
