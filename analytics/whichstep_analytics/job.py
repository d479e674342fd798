"""One recompute: from all spans of some executions to their result rows. Pure: same frames and `as_of`, same rows."""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from whichstep_analytics.jobs import executions, handoffs, holds, steps, told, trace_executions
from whichstep_analytics.prices import Prices

RESULT_VERSION: Final = 6
"""Raised with every change of a job, a failure rule or the price table; older rows are recomputed in slices."""


class Recomputed(NamedTuple):
    """Result rows; `steps` carries the working columns of `jobs.steps` beside those of step_rows."""

    mapping: pl.DataFrame
    steps: pl.DataFrame
    executions: pl.DataFrame


def recompute(
    spans: pl.DataFrame, evaluations: pl.DataFrame, neighbours: pl.DataFrame, *, prices: Prices, as_of: int
) -> Recomputed:
    """The result rows of every execution that has a span here. `as_of`: now, in nanoseconds since epoch.

    Expects all spans of each execution: a part gives the rows of that part.
    """
    spans = steps.distinct(spans)
    mapping = trace_executions.run(spans)
    placed = handoffs.add(holds.notice(told.settle(steps.place(spans, mapping))))
    step_rows = steps.run(placed, prices)
    execution_rows = executions.run(
        placed, step_rows, evaluations, mapping, as_of=as_of, result_version=RESULT_VERSION, neighbours=neighbours
    )
    return Recomputed(mapping, step_rows, execution_rows)
