"""Figures of each day, for trends. Never re-aggregated: a week's quantile is computed from its executions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

import polars as pl

from whichstep_analytics import metrics

GROUP_COLUMNS: Final = ("purpose", "release", "task_type", "agent", "environment")
_COLUMNS: Final = (
    "day",
    "metric",
    *GROUP_COLUMNS,
    "numerator",
    "denominator",
    "n",
    "known",
    "value",
    "lower",
    "upper",
)


def run(executions: pl.DataFrame, days: Collection[date], as_of: int) -> pl.DataFrame:
    """The rows of metrics_daily for these days, UTC; they replace all rows of the same days.

    Args:
        executions: rows of the query `execution_frame` of any purpose that started on these days; others are ignored.
        days: the days touched.
        as_of: nanoseconds since the epoch.
    """
    on_days = executions.filter(pl.col("started_at").dt.date().is_in(list(days)))
    figures = metrics.compute(on_days, by=("day", *GROUP_COLUMNS), as_of=as_of)
    return figures.with_columns(pl.col("day").str.to_date()).select(_COLUMNS)
