"""One figure of one metric for one group, and the frame of many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Final

import polars as pl

from whichstep_analytics.intervals import Interval

NO_EXECUTIONS: Final = "no execution matches"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with all that is needed to judge it; null is unknown and `reason` says why.

    `n` executions were looked at, for `known` of them the metric is known. `lower` and `upper` are the ends of a
    95 % interval by `method` (chance); `bound_lower` and `bound_upper` are what the value could be if every unknown
    case went one way or the other. A quantile has neither numerator nor denominator.
    """

    group: int
    metric: str
    unit: str
    n: int
    known: int
    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    lower: float | None = None
    upper: float | None = None
    bound_lower: float | None = None
    bound_upper: float | None = None
    method: str | None = None
    reason: str | None = None


FIGURE_SCHEMA: Final = pl.Schema(
    {
        "group": pl.UInt32,
        "metric": pl.String,
        "unit": pl.String,
        "n": pl.Int64,
        "known": pl.Int64,
        "value": pl.Float64,
        "numerator": pl.Float64,
        "denominator": pl.Float64,
        "lower": pl.Float64,
        "upper": pl.Float64,
        "bound_lower": pl.Float64,
        "bound_upper": pl.Float64,
        "method": pl.String,
        "reason": pl.String,
    }
)


def contain(interval: Interval, value: float) -> Interval:
    """The interval, never beside its value by a rounding error."""
    lower = None if interval.lower is None else min(interval.lower, value)
    upper = None if interval.upper is None else max(interval.upper, value)
    return Interval(lower, upper, interval.method)


def figure_frame(figures: Iterable[Figure]) -> pl.DataFrame:
    """The figures as rows, with the share of executions for which each is known."""
    frame = pl.DataFrame([astuple(figure) for figure in figures], schema=FIGURE_SCHEMA, orient="row")
    return frame.with_columns(coverage=pl.when(pl.col("n") > 0).then(pl.col("known") / pl.col("n")))
