"""The eight metrics and their companions, from the rows of executions, for any window and any grouping.

`compute` is pure: the same rows in any order give the same figures. Unknown is never counted as success, nor an
unknown price as 0; what is unknown is said in `known`, `coverage`, the bounds and `reason`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Final

import polars as pl

from whichstep_analytics.metrics.definitions import EIGHT, QUANTILES, RATIOS, SHARES
from whichstep_analytics.metrics.figures import NO_EXECUTIONS, Figure, figure_frame
from whichstep_analytics.metrics.quantiles import quantile_figures
from whichstep_analytics.metrics.ratios import ratio_figures
from whichstep_analytics.metrics.shares import share_figures

__all__ = ["EIGHT", "GROUPS", "METRICS", "QUANTILE_METRICS", "STANDARDISED", "TIME_GROUPS", "UNITS", "compute"]

UNITS: Final[dict[str, str]] = {
    **{share.metric: "share" for share in SHARES},
    **{quantile.metric: quantile.unit for quantile in QUANTILES},
    **{ratio.metric: ratio.unit for ratio in RATIOS},
}
METRICS: Final[tuple[str, ...]] = tuple(sorted(UNITS, key=lambda metric: (*EIGHT, metric).index(metric)))
"""The eight in the order of the overview, then their companions."""
QUANTILE_METRICS: Final = frozenset(quantile.metric for quantile in QUANTILES)
STANDARDISED: Final[tuple[str, ...]] = tuple(metric for metric in EIGHT if metric not in QUANTILE_METRICS)
"""Metrics that can be compared with the mix of task types held: a quantile is no average of its parts."""
TIME_GROUPS: Final = ("day", "week")
GROUPS: Final = ("release", "configuration", "task_type", "agent", "service", "environment", *TIME_GROUPS)

_ORDER: Final = {metric: place for place, metric in enumerate(METRICS)}


def compute(
    executions: pl.DataFrame, *, by: Sequence[str] = (), as_of: int, only: Collection[str] = METRICS
) -> pl.DataFrame:
    """One row per group and metric: the columns of `by`, then those of `Figure` and `coverage`.

    Without `by` there is one group, also when nothing matches. A day is `2026-11-22`, a week its ISO week `2026-W47`,
    both of the start in UTC; other groups are null where an execution has no such value.

    Args:
        executions: rows of the query `execution_frame`.
        by: names among GROUPS, or further text columns of `executions`.
        as_of: nanoseconds since the epoch; executions that start later are not looked at.
        only: names among METRICS.
    """
    rows, groups = _grouped(_prepared(executions, by, as_of), by)
    figures = chain(
        share_figures(rows, [share for share in SHARES if share.metric in only]),
        quantile_figures(rows, [quantile for quantile in QUANTILES if quantile.metric in only]),
        ratio_figures(rows, [ratio for ratio in RATIOS if ratio.metric in only]),
    )
    frame = figure_frame(figures if groups.height else _nothing(by, only))
    order = pl.col("metric").replace_strict(_ORDER, return_dtype=pl.UInt8)
    return groups.join(frame.sort("group", order), on="group", how="right", maintain_order="right").drop("group")


def _prepared(executions: pl.DataFrame, by: Sequence[str], as_of: int) -> pl.LazyFrame:
    started_at = pl.col("started_at")
    times = {"day": started_at.dt.strftime("%Y-%m-%d"), "week": started_at.dt.strftime("%G-W%V")}
    return (
        executions.lazy()
        .filter(started_at.cast(pl.Int64) <= as_of)
        .with_columns(**{name: times[name] for name in by if name in times})
    )


def _grouped(rows: pl.LazyFrame, by: Sequence[str]) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """The rows with the number of their group, and the groups in order."""
    if not by:
        numbered = rows.with_columns(group=pl.lit(0, pl.UInt32)).collect()
        return numbered.lazy(), numbered.select("group").head(1)
    collected = rows.collect()
    groups = collected.select(by).unique().sort(by, nulls_last=True).with_row_index("group")
    return collected.lazy().join(groups.lazy(), on=list(by), nulls_equal=True), groups


def _nothing(by: Sequence[str], only: Collection[str]) -> list[Figure]:
    return [] if by else [Figure(0, metric, UNITS[metric], 0, 0, reason=NO_EXECUTIONS) for metric in only]
