"""Where a figure is heading: the slope of its weekly values, with an interval and the direction in words.

Weekly values come from metrics_weekly and carry their own intervals; groups of one week are added up by their
denominators, which holds for shares and ratios (a task that two groups worked on counts in both) and for no quantile.
A change in the mix of task types moves a figure though nothing else did: beside the slope stands the one with the mix
held, by direct standardisation, and whether the two disagree (Simpson 1951). Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from whichstep_analytics import intervals, words
from whichstep_analytics.metrics import QUANTILE_METRICS, UNITS

WEEKS_MIN: Final = 3
METHOD: Final = "weighted least squares over weeks"
_EPOCH: Final = date(1970, 1, 1)
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Slope:
    """Change a week with the ends of its 95 % interval; `direction` is rising, falling or none."""

    value: float
    lower: float
    upper: float
    direction: str


@dataclass(frozen=True, slots=True)
class Trend:
    """The slope over `weeks` weeks with a figure, the one with the mix of task types held, and both in words.

    Null with `reason` where there is none.
    """

    weeks: int
    first: str | None = None
    last: str | None = None
    slope: Slope | None = None
    mix_adjusted: Slope | None = None
    disagree: bool = False
    words: str | None = None
    reason: str | None = None


def trends(weekly: pl.DataFrame, whole: pl.DataFrame | None = None) -> dict[str, Trend]:
    """The trend of every metric.

    Args:
        weekly: rows of metrics_weekly, one a week, metric and group.
        whole: rows of all executions together, where the question is about them: they hold for quantiles, too.
    """
    points = _combined(weekly, ["metric", "week"]) if whole is None else _with_errors(whole)
    held = _standardised(_combined(weekly, ["metric", "week", "task_type"]))
    return {
        metric: Trend(0, reason="a quantile cannot be added up over groups; ask without filters or groups")
        if whole is None and metric in QUANTILE_METRICS
        else _trend(metric, points.filter(pl.col("metric") == metric), held.filter(pl.col("metric") == metric))
        for metric in UNITS
    }


def _trend(metric: str, points: pl.DataFrame, held: pl.DataFrame) -> Trend:
    weeks = points.height
    if weeks < WEEKS_MIN:
        return Trend(weeks, reason=f"{weeks} weeks that are over have a figure; a trend needs {WEEKS_MIN}")
    first, *_, last = points["week"].sort().dt.strftime("%G-W%V")
    found = _slope(points)
    adjusted = _slope(held) if held.height >= WEEKS_MIN else None
    disagree = adjusted is not None and adjusted.direction != found.direction
    said = words.trend(found.direction, found.value, found.lower, found.upper, UNITS[metric])
    if adjusted is not None and disagree:
        with_mix = words.trend(adjusted.direction, adjusted.value, adjusted.lower, adjusted.upper, UNITS[metric])
        said += f"; with the mix of task types held: {with_mix}"
    return Trend(weeks, first, last, found, adjusted, disagree, said)


def _slope(points: pl.DataFrame) -> Slope:
    points = points.sort("week")
    at = points["week"].cast(pl.Int32).to_numpy() / 7.0
    values, errors = points["value"].to_numpy(), points["error"].to_numpy()
    rise, lower, upper = intervals.slope(at, values, np.maximum(errors, 1e-9 * max(1e-12, float(np.abs(values).max()))))
    return Slope(rise, lower, upper, "rising" if lower > 0 else "falling" if upper < 0 else "none")


def _with_errors(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a value, with its standard error; of an interval that is open above its lower half."""
    half = pl.coalesce(
        (pl.col("upper") - pl.col("lower")) / 2, pl.col("value") - pl.col("lower"), pl.col("upper") - pl.col("value")
    )
    return rows.with_columns((half / _Z).alias("error")).filter(pl.col("value").is_not_null() & half.is_not_null())


def _combined(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """One row a week and metric: numerators and denominators added up, errors by the share of the denominator."""
    part = pl.col("denominator") / pl.col("denominator").sum()
    return (
        _with_errors(rows.filter(pl.col("denominator") > 0))
        .group_by(by)
        .agg(
            (pl.col("numerator").sum() / pl.col("denominator").sum()).alias("value"),
            (part * pl.col("error")).pow(2).sum().sqrt().alias("error"),
            pl.col("denominator").sum(),
        )
        .sort(by)
    )


def _standardised(typed: pl.DataFrame) -> pl.DataFrame:
    """Weekly values with the mix of task types of all weeks together, over the types that occur in every week.

    Nothing where fewer than two types do.
    """
    weeks = typed.group_by("metric").agg(pl.col("week").n_unique().alias("weeks"))
    always = (
        typed.group_by("metric", "task_type")
        .agg(pl.col("week").n_unique().alias("in_weeks"), pl.col("denominator").sum().alias("mix"))
        .join(weeks, on="metric")
        .filter(pl.col("in_weeks") == pl.col("weeks"))
        .with_columns(
            (pl.col("mix") / pl.col("mix").sum().over("metric")).alias("mix"), pl.len().over("metric").alias("types")
        )
        .filter(pl.col("types") > 1)
    )
    return (
        typed.join(always.select("metric", "task_type", "mix"), on=["metric", "task_type"], nulls_equal=True)
        .group_by("metric", "week")
        .agg(
            (pl.col("mix") * pl.col("value")).sum().alias("value"),
            (pl.col("mix") * pl.col("error")).pow(2).sum().sqrt().alias("error"),
        )
    )
