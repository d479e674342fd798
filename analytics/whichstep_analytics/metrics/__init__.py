"""The eight metrics and their companions, from executions, for any window and any grouping.

`compute` is pure: the same rows in any order give the same figures. Unknown is never counted as success, nor an
unknown price as 0; what is unknown is said in `known`, `coverage`, the bounds and `reason`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Final

import polars as pl

from whichstep_analytics.metrics.definitions import EIGHT, QUANTILES, RATIOS, SHARES
from whichstep_analytics.metrics.executions import Executions
from whichstep_analytics.metrics.figures import NO_EXECUTIONS, Figure, figure_frame
from whichstep_analytics.metrics.quantiles import quantile_figures
from whichstep_analytics.metrics.ratios import ratio_figures
from whichstep_analytics.metrics.reading import read
from whichstep_analytics.metrics.shares import share_figures

__all__ = [
    "EIGHT", "GROUPS", "METRICS", "QUANTILE_METRICS", "STANDARDISED", "TIME_GROUPS", "UNITS", "Executions", "compute",
    "read",
]  # fmt: skip

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

_ONE: Final = pl.DataFrame({"group": [0]}, schema={"group": pl.UInt32})
_ORDER: Final = {metric: place for place, metric in enumerate(METRICS)}


def compute(executions: Executions, *, by: Sequence[str] = (), only: Collection[str] = METRICS) -> pl.DataFrame:
    """One row per group and metric: the columns of `by`, then those of `Figure` and `coverage`.

    Without `by` there is one group, also when nothing matches. A day is `2026-11-22`, a week its ISO week `2026-W47`,
    both of the start in UTC; other groups are null where an execution has no such value.

    Args:
        executions: read with (at least) the names in `by`.
        by: names among GROUPS, or other facts that are text.
        only: names among METRICS.
    """
    numbers, groups = _grouped(executions.profiles, by)
    figures = chain(
        share_figures(executions, numbers, [share for share in SHARES if share.metric in only]),
        quantile_figures(executions, numbers, [quantile for quantile in QUANTILES if quantile.metric in only]),
        ratio_figures(executions, numbers, [ratio for ratio in RATIOS if ratio.metric in only]),
    )
    frame = figure_frame(figures if groups.height else _nothing(by, only))
    order = pl.col("metric").replace_strict(_ORDER, return_dtype=pl.UInt8)
    return groups.join(frame.sort("group", order), on="group", how="right", maintain_order="right").drop("group")


def _grouped(profiles: pl.DataFrame, by: Sequence[str]) -> tuple[pl.Series, pl.DataFrame]:
    """The number of the group of each profile, and the groups in order."""
    if not by:
        return pl.repeat(0, profiles.height, dtype=pl.UInt32, eager=True), _ONE.head(profiles.height)
    day = pl.col("started_on")
    times = {"day": day.dt.strftime("%Y-%m-%d"), "week": day.dt.strftime("%G-W%V")}
    named = profiles.select(**{name: times.get(name, pl.col(name)) for name in by})
    groups = named.unique().sort(by, nulls_last=True).with_row_index("group")
    return named.join(groups, on=list(by), nulls_equal=True, how="left", maintain_order="left")["group"], groups


def _nothing(by: Sequence[str], only: Collection[str]) -> list[Figure]:
    return [] if by else [Figure(0, metric, UNITS[metric], 0, 0, reason=NO_EXECUTIONS) for metric in only]
