"""Reads the executions that metrics are computed from: their profiles, then of each the numbers that there are."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import polars as pl
import pyarrow as pa

from whichstep_analytics.metrics.definitions import QUANTILES, RATIOS
from whichstep_analytics.metrics.executions import KEYS, Executions
from whichstep_store.filters import LATEST, Filters
from whichstep_store.reader import Reader


def read(
    reader: Reader, filters: Filters, *, by: Collection[str], as_of: int, only: Collection[str] | None = None
) -> Executions:
    """The executions that match and started until `as_of` (nanoseconds since the epoch).

    `by` names what they may be grouped by; `only` the metrics asked for, None all. A number that no execution has is
    not fetched: one more column of a million nulls costs 5 ms.
    """
    until = min(LATEST if filters.until is None else filters.until, as_of + 1)
    parameters = {**filters.parameters(), "until": until, "by": list(by)}
    with reader.one_state() as query:
        profiles = _frame(query("execution_profiles", parameters))
        known = profiles.select(pl.col("known").struct.unnest()).sum().row(0, named=True)
        wanted = [name for name, count in known.items() if count and name in _numbers(only)]
        rows = _frame(query("execution_numbers", parameters, columns=["profile", *KEYS, *wanted]))
    return Executions(profiles.drop("known").unnest("facts").rename({"executions": "n"}), rows)


def _numbers(only: Collection[str] | None) -> set[str]:
    of_ratios = (
        {*ratio.numbers.known, ratio.numbers.numerator, ratio.numbers.denominator or ratio.numbers.numerator}
        for ratio in RATIOS
        if only is None or ratio.metric in only
    )
    of_quantiles = {quantile.value for quantile in QUANTILES if only is None or quantile.metric in only}
    return of_quantiles.union(*of_ratios)


def _frame(table: pa.Table) -> pl.DataFrame:
    return cast("pl.DataFrame", pl.from_arrow(table))
