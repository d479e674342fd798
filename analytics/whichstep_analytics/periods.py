"""Figures of each day and each ISO week, for trends. Never re-aggregated for quantiles: each comes from its executions.

A week has a row for all its executions of one purpose together (`whole`) beside those of each group: what a question
without further filters needs, quantiles included.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final, NamedTuple

import polars as pl

from whichstep_analytics import metrics
from whichstep_store.results import DAILY_FIELDS, WEEKLY_FIELDS

DAY, WEEK = "day", "week"
GROUP_COLUMNS: Final = ("purpose", "release", "task_type", "agent", "environment")
COLUMNS: Final = {DAY: [name for name, _, _ in DAILY_FIELDS], WEEK: [name for name, _, _ in WEEKLY_FIELDS]}


class Period(NamedTuple):
    """A day, or the ISO week that begins on it; UTC."""

    unit: str
    start: date

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.start + timedelta(days=1 if self.unit == DAY else 7)


def periods_of(days: Collection[date]) -> set[Period]:
    """The days and their weeks."""
    return {Period(DAY, day) for day in days} | {Period(WEEK, day - timedelta(days=day.weekday())) for day in days}


def run(executions: metrics.Executions, period: Period) -> pl.DataFrame:
    """The rows of metrics_daily or metrics_weekly for this period; they replace all its rows.

    Args:
        executions: those that started in the period, of any purpose, read by GROUP_COLUMNS.
        period: the day or week touched.
    """
    figures = metrics.compute(executions, by=GROUP_COLUMNS).with_columns(pl.lit(value=False).alias("whole"))
    if period.unit == WEEK:
        nothing = [pl.lit(None, pl.String).alias(name) for name in GROUP_COLUMNS if name != "purpose"]
        whole = metrics.compute(executions, by=("purpose",)).with_columns(pl.lit(value=True).alias("whole"))
        figures = pl.concat([whole.with_columns(nothing).select(figures.columns), figures])
    return figures.with_columns(pl.lit(period.start).alias(period.unit)).select(COLUMNS[period.unit])
