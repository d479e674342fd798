"""Ratios of sums over tasks: bootstrap over tasks, past 5,000 of them the delta method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from whichstep_analytics.intervals import BOOTSTRAP_CLUSTERS_MAX, ClusterSums, Floats, bootstrap, delta
from whichstep_analytics.metrics.clusters import merged, per_group, repeats
from whichstep_analytics.metrics.definitions import RATIOS, Ratio
from whichstep_analytics.metrics.figures import Figure, contain


class TaskValues(NamedTuple):
    """Both sides of a ratio, task by task."""

    y: Floats
    m: Floats


def ratio_figures(executions: pl.LazyFrame, ratios: Sequence[Ratio] = RATIOS) -> Iterator[Figure]:
    """The figures of these ratios, group by group; `executions` carries `group` and `task_key`."""
    tasks = _sides(executions, ratios).collect()
    if repeats(tasks, "task_key"):
        tasks = merged(
            tasks, "task_key", [pl.col("n").sum(), *(total for ratio in ratios for total in _per_task(ratio))]
        )
    sums = [pl.col("n").sum(), *(total for ratio in ratios for total in _sums(ratio.metric))]
    groups = per_group(tasks, sums)
    for ratio in ratios:
        few = groups.filter(pl.col(f"{ratio.metric}:clusters").is_between(1, BOOTSTRAP_CLUSTERS_MAX))["group"]
        values = _task_values(tasks, ratio.metric, few)
        for row in groups.iter_rows(named=True):
            yield _figure(ratio, row, values.get(row["group"]))


def _sides(executions: pl.LazyFrame, ratios: Sequence[Ratio]) -> pl.LazyFrame:
    """Per execution: both sides (y, m) where known, whether known, and the denominator it would have if it were."""
    columns: dict[str, pl.Expr] = {}
    for ratio in ratios:
        columns[f"{ratio.metric}:y"] = pl.when(ratio.known).then(ratio.numerator.cast(pl.Float64)).otherwise(0.0)
        columns[f"{ratio.metric}:m"] = pl.when(ratio.known).then(ratio.denominator)
        columns[f"{ratio.metric}:known"] = ratio.known
        columns[f"{ratio.metric}:whole"] = ratio.denominator
    return executions.select("group", "task_key", n=pl.lit(1, pl.UInt32), **columns)


def _per_task(ratio: Ratio) -> tuple[pl.Expr, ...]:
    """The executions of one task as one: attempts add up, but a task counts once."""
    sums = pl.col(f"{ratio.metric}:y", f"{ratio.metric}:known").sum()
    sides = pl.col(f"{ratio.metric}:m", f"{ratio.metric}:whole")
    return sums, sides.max() if ratio.kind == "per_task" else sides.sum()


def _sums(metric: str) -> tuple[pl.Expr, ...]:
    y, m = pl.col(f"{metric}:y"), pl.col(f"{metric}:m").cast(pl.Float64).fill_null(0.0)
    return (
        (pl.col(f"{metric}:known") > 0).sum().alias(f"{metric}:clusters"),
        y.sum(),
        m.sum(),
        (y * y).sum().alias(f"{metric}:yy"),
        (m * m).sum().alias(f"{metric}:mm"),
        (y * m).sum().alias(f"{metric}:ym"),
        pl.col(f"{metric}:known", f"{metric}:whole").sum(),
    )


def _task_values(tasks: pl.DataFrame, metric: str, groups: pl.Series) -> dict[int, TaskValues]:
    """The known tasks of the groups that are small enough to resample."""
    inside = (pl.col(f"{metric}:known") > 0) & pl.col("group").is_in(groups.implode())
    y, m = pl.col(f"{metric}:y"), pl.col(f"{metric}:m").cast(pl.Float64).fill_null(0.0)
    listed = tasks.lazy().filter(inside).group_by("group").agg(y=y, m=m).collect() if len(groups) else pl.DataFrame()
    return {group: TaskValues(np.asarray(y), np.asarray(m)) for group, y, m in listed.iter_rows()}


def _figure(ratio: Ratio, row: dict[str, Any], values: TaskValues | None) -> Figure:
    of = {name.partition(":")[2]: value for name, value in row.items() if name.startswith(f"{ratio.metric}:")}
    figure = Figure(row["group"], ratio.metric, ratio.unit, n=row["n"], known=int(of["known"]))
    if not of["m"]:
        return replace(figure, reason=ratio.unknown_because)
    value = of["y"] / of["m"]
    sums = ClusterSums(*(float(of[name]) for name in ClusterSums._fields))
    interval = contain(bootstrap(*values) if values else delta(sums), value)
    if ratio.kind != "per_task" and interval.upper is not None:
        interval = interval._replace(upper=min(interval.upper, 1.0))
    bound_lower, bound_upper = _bounds(ratio, figure, of)
    return replace(
        figure,
        value=value,
        numerator=of["y"],
        denominator=of["m"],
        bound_lower=bound_lower,
        bound_upper=bound_upper,
        **interval._asdict(),
    )


def _bounds(ratio: Ratio, figure: Figure, of: dict[str, Any]) -> tuple[float, float | None]:
    """What the ratio could be if the unknown cases were known: a cost has no upper bound, a share lies in [0, 1]."""
    unknown = figure.n - figure.known
    if not unknown:
        return of["y"] / of["m"], of["y"] / of["m"]
    if ratio.kind == "mean":
        return of["y"] / figure.n, (of["y"] + unknown) / figure.n
    return (of["y"] / of["whole"], None) if ratio.kind == "per_task" else (0.0, 1.0)
