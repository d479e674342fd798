"""Quantiles of durations: nearest rank, with the order statistics around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from whichstep_analytics.intervals import Floats, ranks
from whichstep_analytics.metrics.definitions import QUANTILES, Quantile
from whichstep_analytics.metrics.executions import Executions
from whichstep_analytics.metrics.figures import Figure


def quantile_figures(
    executions: Executions, groups: pl.Series, quantiles: Sequence[Quantile] = QUANTILES
) -> Iterator[Figure]:
    """The figures of these quantiles, group by group; `groups` has the group of each profile."""
    sizes = np.bincount(groups, weights=executions.profiles["n"])
    for quantile in quantiles:
        values = _values(executions, groups, quantile)
        for group, n in enumerate(sizes):
            yield _figure(quantile, group, int(n), values[group])


def _values(executions: Executions, groups: pl.Series, quantile: Quantile) -> list[Floats]:
    """The known values of each group."""
    looked_at = executions.profiles.select(pl.when(quantile.among).then(groups)).to_series()
    columns = {"group": executions.spread(looked_at), "value": executions.rows[quantile.value]}
    group, values = pl.DataFrame(columns).drop_nulls()
    sizes = np.bincount(group, minlength=int(groups.to_numpy().max()) + 1)
    if len(sizes) == 1:
        return [values.to_numpy()]
    short = group.to_numpy().astype(np.min_scalar_type(len(sizes)))  # small numbers are sorted by radix
    return np.split(values.to_numpy()[np.argsort(short, kind="stable")], np.cumsum(sizes)[:-1])


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
    """The values at ranks from 1; of a high quantile only the values from the lowest rank on need to be sorted."""
    lowest = min(rank for rank in wanted if rank is not None) - 1
    upper = np.sort(np.partition(values, lowest)[lowest:])
    return [None if rank is None else float(upper[rank - 1 - lowest]) for rank in wanted]
