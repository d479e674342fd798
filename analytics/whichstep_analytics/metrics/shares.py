"""Shares of executions: Wilson's interval, at an effective size where sessions or tasks repeat.

An outcome that comes from a sample stands for as many executions as its chance to be picked says (Hájek 1971): events
and known cases are weighted, everything else counts once. The bounds are of the counts as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import polars as pl

from whichstep_analytics.intervals import ClusterSums, clustered_wilson, weighted_wilson
from whichstep_analytics.metrics.clusters import merged_counts, per_group, repeats
from whichstep_analytics.metrics.definitions import SHARES, Share
from whichstep_analytics.metrics.figures import Figure, contain

Row = Mapping[str, Any]


class _Counted(NamedTuple):
    """Executions of one group: all of them, and those whose outcome somebody told."""

    n: int
    told: int


def share_figures(executions: pl.LazyFrame, shares: Sequence[Share] = SHARES) -> Iterator[Figure]:
    """The figures of these shares, group by group; `executions` carries `group` and `cluster_key`."""
    counts = _counts(executions, shares).collect()
    sides = [f"{share.metric}:{side}" for share in shares for side in ("y", "m")]
    weights = [name for name in counts.columns if name.endswith((":wy", ":wm"))]
    totals = [pl.len().alias("n"), pl.col("told", *sides).sum(), *(pl.col(name).sum() for name in weights)]
    groups = per_group(counts, totals)
    if repeats(counts, "cluster_key") or weights:
        clusters = merged_counts(counts, "cluster_key", counted=sides, summed=weights)
        moments = [
            moment for share in shares for moment in _moments(share.metric, weighted=bool(weights) and share.outcome)
        ]
        groups = groups.join(per_group(clusters, moments), on="group")
    for row in groups.iter_rows(named=True):
        for share in shares:
            yield _figure(share, row, weighted=bool(weights) and share.outcome)


def _counts(executions: pl.LazyFrame, shares: Sequence[Share]) -> pl.LazyFrame:
    """Per execution: of each share whether the event happened (y) and is known (m), and whether someone told."""
    weight = pl.col("outcome_weight").fill_null(1.0)
    sides: dict[str, pl.Expr] = {}
    for share in shares:
        sides[f"{share.metric}:y"] = share.event.fill_null(value=False)
        sides[f"{share.metric}:m"] = share.event.is_not_null()
    weighted = {
        f"{share.metric}:w{side}": pl.when(sides[f"{share.metric}:{side}"]).then(weight).otherwise(0.0)
        for share in shares
        for side in ("y", "m")
        if share.outcome
    }
    sampled = executions.select(pl.col("outcome_weight").is_not_null().any()).collect().item()
    return executions.select(
        "group",
        "cluster_key",
        told=pl.col("success_source").fill_null("inferred") != "inferred",
        **sides,
        **(weighted if sampled else {}),
    )


def _moments(metric: str, *, weighted: bool) -> tuple[pl.Expr, ...]:
    """Sums over clusters of squares and products."""
    y, m = (pl.col(f"{metric}:{'w' if weighted else ''}{side}") for side in ("y", "m"))
    return (
        (m > 0).sum().alias(f"{metric}:clusters"),
        (y * y).sum().alias(f"{metric}:yy"),
        (m * m).sum().alias(f"{metric}:mm"),
        (y * m).sum().alias(f"{metric}:ym"),
    )


def _figure(share: Share, row: Row, *, weighted: bool) -> Figure:
    events, known = (float(row[f"{share.metric}:{side}"]) for side in ("y", "m"))
    counted = _Counted(row["n"], row["told"])
    figure = Figure(row["group"], share.metric, "share", n=counted.n, known=int(known))
    if not known:
        return replace(figure, reason=share.unknown_because)
    population = known if share.unknown_is_outside else counted.n
    at_least, at_most = events / population, 1 - (known - events) / population
    sums = _sums(share.metric, row, weighted=weighted)
    figure = replace(figure, numerator=sums.y, denominator=sums.m, bound_lower=at_least, bound_upper=at_most)
    if share.outcome and not counted.told and figure.known < figure.n:
        return replace(figure, reason=f"only failures were inferred: unknown, at most {at_most:.1%}")
    value = sums.y / sums.m
    if weighted:  # an estimate never goes beyond what the counts leave open
        value = min(max(value, at_least), at_most)
    interval = weighted_wilson(sums, size=known) if weighted else clustered_wilson(sums)
    return replace(figure, value=value, **contain(interval, value)._asdict())


def _sums(metric: str, row: Row, *, weighted: bool) -> ClusterSums:
    """What the interval needs; where no cluster has two cases, squares are the counts themselves."""
    y, m = (float(row[f"{metric}:{'w' if weighted else ''}{side}"]) for side in ("y", "m"))
    if f"{metric}:mm" not in row:
        return ClusterSums(m, y, m, y, m, y)
    return ClusterSums(
        float(row[f"{metric}:clusters"]), y, m, *(float(row[f"{metric}:{name}"]) for name in ("yy", "mm", "ym"))
    )
