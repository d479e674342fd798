"""Shares of executions: Wilson's interval, at an effective size where sessions or tasks repeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import polars as pl

from whichstep_analytics.intervals import ClusterSums, clustered_wilson
from whichstep_analytics.metrics.clusters import merged, per_group, repeats
from whichstep_analytics.metrics.definitions import SHARES, Share
from whichstep_analytics.metrics.figures import Figure, contain

_Y: Final = tuple(f"{share.metric}:y" for share in SHARES)
_M: Final = tuple(f"{share.metric}:m" for share in SHARES)


def share_figures(executions: pl.LazyFrame) -> Iterator[Figure]:
    """The figures of every share, group by group; `executions` carries `group` and `cluster_key`."""
    counts = _counts(executions).collect()
    clusters = merged(counts, "cluster_key", [pl.all().sum()]) if repeats(counts, "cluster_key") else counts
    moments = [pl.col("n", "told").sum(), *(moment for share in SHARES for moment in _moments(share.metric))]
    for row in per_group(clusters, moments).iter_rows(named=True):
        for share in SHARES:
            yield _figure(share, row)


def _counts(executions: pl.LazyFrame) -> pl.LazyFrame:
    """Per execution, as 0 and 1: of each share the event (y) and whether it is known (m), and whether someone told."""
    return executions.select(
        "group",
        "cluster_key",
        n=pl.lit(1, pl.UInt8),
        told=(pl.col("success_source").fill_null("inferred") != "inferred").cast(pl.UInt8),
        **{y: share.event.fill_null(value=False).cast(pl.UInt8) for y, share in zip(_Y, SHARES, strict=True)},
        **{m: share.event.is_not_null().cast(pl.UInt8) for m, share in zip(_M, SHARES, strict=True)},
    )


def _moments(metric: str) -> tuple[pl.Expr, ...]:
    y, m = (pl.col(f"{metric}:{side}").cast(pl.UInt32) for side in ("y", "m"))
    return (
        (m > 0).sum().alias(f"{metric}:clusters"),
        y.sum(),
        m.sum(),
        (y * y).sum().alias(f"{metric}:yy"),
        (m * m).sum().alias(f"{metric}:mm"),
        (y * m).sum().alias(f"{metric}:ym"),
    )


def _figure(share: Share, row: dict[str, Any]) -> Figure:
    sums = ClusterSums(*(float(row[f"{share.metric}:{name}"]) for name in ClusterSums._fields))
    figure = Figure(row["group"], share.metric, "share", n=row["n"], known=int(sums.m))
    if not figure.known:
        return replace(figure, reason=share.unknown_because)
    population = sums.m if share.unknown_is_outside else figure.n
    at_least, at_most = sums.y / population, 1 - (sums.m - sums.y) / population
    counted = replace(figure, numerator=sums.y, denominator=sums.m, bound_lower=at_least, bound_upper=at_most)
    if share.outcome and not row["told"] and figure.known < figure.n:
        return replace(counted, reason=f"only failures were inferred: unknown, at most {at_most:.1%}")
    value = sums.y / sums.m
    return replace(counted, value=value, **contain(clustered_wilson(sums), value)._asdict())
