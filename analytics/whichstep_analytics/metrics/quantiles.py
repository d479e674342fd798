"""Quantiles of durations: nearest rank, with the order statistics around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from whichstep_analytics.intervals import Floats, ranks
from whichstep_analytics.metrics.definitions import QUANTILES, Quantile
from whichstep_analytics.metrics.figures import Figure


def quantile_figures(executions: pl.LazyFrame, quantiles: Sequence[Quantile] = QUANTILES) -> Iterator[Figure]:
    """The figures of these quantiles, group by group."""
    if not quantiles:
        return
    values = (pl.col(quantile.metric).drop_nulls() for quantile in quantiles)
    columns = (quantile.value.alias(quantile.metric) for quantile in quantiles)
    groups = executions.select("group", *columns).group_by("group").agg(pl.len().alias("n"), *values).collect()
    for quantile in quantiles:
        for group, n, series in zip(groups["group"], groups["n"], groups[quantile.metric], strict=True):
            yield _figure(quantile, group, n, series.to_numpy())


def _figure(quantile: Quantile, group: int, n: int, values: Floats) -> Figure:
    known = len(values)
    figure = Figure(group, quantile.metric, quantile.unit, n, known)
    if not known:
        return replace(figure, reason=quantile.unknown_because)
    at = ranks(known, quantile.quantile)
    # As if every unknown duration were the longest, then the shortest; past the known values nothing bounds it.
    longest = ranks(n, quantile.quantile).quantile
    shortest = longest - (n - known)
    value, lower, upper, bound_lower, bound_upper = _at_ranks(
        values,
        (at.quantile, at.lower, at.upper, shortest if shortest >= 1 else None, longest if longest <= known else None),
    )
    return replace(
        figure,
        value=value,
        lower=lower,
        upper=upper,
        bound_lower=0.0 if bound_lower is None else bound_lower,
        bound_upper=bound_upper,
        method="order statistics",
    )


def _at_ranks(values: Floats, wanted: tuple[int | None, ...]) -> list[float | None]:
    """The values at ranks from 1; partitioned around them only, a whole sort is not needed."""
    places = [rank - 1 for rank in wanted if rank is not None]
    parted = np.partition(values, sorted(set(places)))
    return [None if rank is None else float(parted[rank - 1]) for rank in wanted]
