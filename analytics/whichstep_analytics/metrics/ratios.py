"""Ratios of sums over tasks: bootstrap over tasks, past 5,000 of them the delta method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from whichstep_analytics.intervals import BOOTSTRAP_CLUSTERS_MAX, ClusterSums, Floats, bootstrap, delta
from whichstep_analytics.metrics.definitions import RATIOS, Ratio
from whichstep_analytics.metrics.executions import Executions
from whichstep_analytics.metrics.figures import Figure, contain


class TaskValues(NamedTuple):
    """Both sides of a ratio, task by task."""

    y: Floats
    m: Floats


def ratio_figures(executions: Executions, groups: pl.Series, ratios: Sequence[Ratio] = RATIOS) -> Iterator[Figure]:
    """The figures of these ratios, group by group; `groups` has the group of each profile."""
    facts = _facts(executions, groups, ratios)
    n = facts.group_by("group").agg(pl.col("n").cast(pl.Int64).sum())
    sums = _of_single_tasks(executions, facts, ratios)
    if executions.tasks.repeated.height:
        sums = pl.concat([sums, _of_repeated_tasks(executions, facts, ratios)])
    counted = n.join(sums.group_by("group").sum(), on="group", how="left").fill_null(0)
    for ratio in ratios:
        few = counted.filter(pl.col(f"{ratio.metric}:clusters").is_between(1, BOOTSTRAP_CLUSTERS_MAX))["group"]
        values = _task_values(executions, facts, ratio, few)
        for row in counted.iter_rows(named=True):
            yield _figure(ratio, row, values.get(row["group"]))


def _facts(executions: Executions, groups: pl.Series, ratios: Sequence[Ratio]) -> pl.DataFrame:
    """Per profile: place, group, n, and of each ratio whether it is looked at and the denominator that is a fact."""
    columns: dict[str, pl.Expr] = {}
    for ratio in ratios:
        columns[f"{ratio.metric}:among"] = ratio.among.fill_null(value=False)
        if not isinstance(ratio.denominator, str):
            columns[f"{ratio.metric}:of"] = ratio.denominator.fill_null(value=False)
    return executions.profiles.select(groups.alias("group"), "n", **columns).with_row_index("place")


def _of_single_tasks(executions: Executions, facts: pl.DataFrame, ratios: Sequence[Ratio]) -> pl.DataFrame:
    """One row a group: for each ratio the ClusterSums, known and whole, of executions without another of their task."""
    totals = facts.join(executions.totals(ratio.numbers for ratio in ratios), on="place")
    sums = (total for ratio in ratios for total in _sums_of_totals(ratio))
    return totals.group_by("group").agg(*sums)


def _sums_of_totals(ratio: Ratio) -> Iterator[pl.Expr]:
    total = {name: pl.col(f"{ratio.numbers.label}:{name}") for name in ("known", "y", "m", "yy", "mm", "ym")}
    of = pl.lit(1) if isinstance(ratio.denominator, str) else pl.col(f"{ratio.metric}:of").cast(pl.Float64)
    terms = {
        "clusters": total["known"],
        "y": total["y"],
        "m": total["m"] * of,
        "yy": total["yy"],
        "mm": total["mm"] * of,
        "ym": total["ym"] * of,
        "known": total["known"],
    }
    for name, term in terms.items():
        yield term.filter(pl.col(f"{ratio.metric}:among")).cast(pl.Float64).sum().alias(f"{ratio.metric}:{name}")
    yield (pl.col("executions") * of).cast(pl.Float64).sum().alias(f"{ratio.metric}:whole")


def _of_repeated_tasks(executions: Executions, facts: pl.DataFrame, ratios: Sequence[Ratio]) -> pl.DataFrame:
    """The same over tasks of several executions."""
    rows = executions.tasks.repeated.lazy().join(facts.lazy(), on="place")
    sides = rows.select("group", "task_key", *(side for ratio in ratios for side in _sides(ratio)))
    tasks = sides.group_by("group", "task_key").agg(*(total for ratio in ratios for total in _per_task(ratio)))
    return tasks.group_by("group").agg(*(total for ratio in ratios for total in _sums(ratio.metric))).collect()


def _sides(ratio: Ratio) -> tuple[pl.Expr, ...]:
    """Per execution: both sides (y, m) where known, whether known, and the denominator it would have if it were."""
    known = pl.all_horizontal(f"{ratio.metric}:among", *(pl.col(name).is_not_null() for name in ratio.known))
    of = pl.col(ratio.denominator if isinstance(ratio.denominator, str) else f"{ratio.metric}:of").cast(pl.Float64)
    return (
        pl.when(known).then(pl.col(ratio.numerator).cast(pl.Float64)).fill_null(0.0).alias(f"{ratio.metric}:y"),
        pl.when(known).then(of).fill_null(0.0).alias(f"{ratio.metric}:m"),
        known.alias(f"{ratio.metric}:known"),
        of.alias(f"{ratio.metric}:whole"),
    )


def _per_task(ratio: Ratio) -> tuple[pl.Expr, ...]:
    """The executions of one task as one: attempts add up, but a task counts once."""
    sums = pl.col(f"{ratio.metric}:y", f"{ratio.metric}:known").sum()
    sides = pl.col(f"{ratio.metric}:m", f"{ratio.metric}:whole")
    return sums, sides.max() if ratio.kind == "per_task" else sides.sum()


def _sums(metric: str) -> tuple[pl.Expr, ...]:
    y, m = pl.col(f"{metric}:y"), pl.col(f"{metric}:m")
    return (
        (pl.col(f"{metric}:known") > 0).sum().cast(pl.Float64).alias(f"{metric}:clusters"),
        y.sum(),
        m.sum(),
        (y * y).sum().alias(f"{metric}:yy"),
        (m * m).sum().alias(f"{metric}:mm"),
        (y * m).sum().alias(f"{metric}:ym"),
        pl.col(f"{metric}:known", f"{metric}:whole").sum().cast(pl.Float64),
    )


def _task_values(executions: Executions, facts: pl.DataFrame, ratio: Ratio, groups: pl.Series) -> dict[int, TaskValues]:
    """The known tasks of the groups that are small enough to resample."""
    if groups.is_empty():
        return {}
    looked_at = facts.filter(pl.col("group").is_in(groups.implode()), f"{ratio.metric}:among")
    some = executions.rows.lazy().filter(pl.all_horizontal(pl.col(name).is_not_null() for name in ratio.known))
    rows = some.join(looked_at.lazy(), on="place").select("group", "task_key", *_sides(ratio))
    tasks = rows.group_by("group", "task_key").agg(*_per_task(ratio))
    listed = tasks.group_by("group").agg(f"{ratio.metric}:y", f"{ratio.metric}:m").collect()
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
