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
from whichstep_analytics.metrics.clusters import Sides, moments, weighted_moments
from whichstep_analytics.metrics.definitions import SHARES, Share
from whichstep_analytics.metrics.executions import Executions
from whichstep_analytics.metrics.figures import Figure, contain

Row = Mapping[str, Any]


class _Counted(NamedTuple):
    """Executions of one group: all of them, and those whose outcome somebody told."""

    n: int
    told: int


def share_figures(executions: Executions, groups: pl.Series, shares: Sequence[Share] = SHARES) -> Iterator[Figure]:
    """The figures of these shares, group by group; `groups` has the group of each profile."""
    sides = _sides(executions.profiles, shares)
    weighted = _weighted(executions.profiles, {share.metric: sides[share.metric] for share in shares if share.outcome})
    counts = _totals(executions.profiles, groups, sides, weighted)
    if executions.clusters.largest > 1 or weighted:
        counted = {metric: pair for metric, pair in sides.items() if metric not in weighted}
        counts = counts.join(moments(executions, groups, counted), on="group")
    if weighted:
        counts = counts.join(weighted_moments(executions, groups, weighted), on="group")
    for row in counts.iter_rows(named=True):
        for share in shares:
            yield _figure(share, row, weighted=share.metric in weighted)


def _sides(profiles: pl.DataFrame, shares: Sequence[Share]) -> dict[str, Sides]:
    """Of each share whether the event happened (y) and is known (m), profile by profile."""
    events = profiles.select(**{share.metric: share.event for share in shares})
    return {event.name: Sides(event.fill_null(value=False), event.is_not_null()) for event in events}


def _weighted(profiles: pl.DataFrame, sides: Mapping[str, Sides]) -> dict[str, Sides]:
    """The same with the weight of the outcome; nothing where no outcome comes from a sample."""
    weight = profiles["outcome_weight"]
    if weight.null_count() == len(weight):
        return {}
    weight = weight.fill_null(1.0)
    return {metric: Sides(*(side.cast(pl.Float64) * weight for side in pair)) for metric, pair in sides.items()}


def _totals(
    profiles: pl.DataFrame, groups: pl.Series, sides: Mapping[str, Sides], weighted: Mapping[str, Sides]
) -> pl.DataFrame:
    """One row a group: n, told, and the sums of all sides over executions."""
    n = profiles["n"].cast(pl.Int64)
    told = profiles["success_source"].fill_null("inferred") != "inferred"
    columns = {"n": n, "told": n * told.cast(pl.Int64)}
    for metric, pair in sides.items():
        columns |= {f"{metric}:{name}": n * side.cast(pl.Int64) for name, side in zip("ym", pair, strict=True)}
    for metric, pair in weighted.items():
        columns |= {f"{metric}:w{name}": n * side for name, side in zip("ym", pair, strict=True)}
    return pl.DataFrame({"group": groups, **columns}).group_by("group").sum()


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
