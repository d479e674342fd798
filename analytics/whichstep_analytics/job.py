"""One recompute: from all spans of some executions to their result rows. Pure: same frames and `as_of`, same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from zlib import crc32

import polars as pl

from whichstep_analytics.jobs import executions, handoffs, holds, outcome, steps, told, trace_executions
from whichstep_analytics.prices import Prices

RESULT_VERSION: Final = 10
"""Raised with every change of a job, a failure rule or the price table; older rows are recomputed in slices."""


class Recomputed(NamedTuple):
    """Result rows; `steps` carries the working columns of `jobs.steps` beside those of step_rows."""

    mapping: pl.DataFrame
    steps: pl.DataFrame
    executions: pl.DataFrame


def recompute(
    spans: pl.DataFrame,
    evaluations: pl.DataFrame,
    neighbours: pl.DataFrame,
    *,
    prices: Prices,
    as_of: int,
    deciding: Mapping[str, float] = outcome.DECIDING,
) -> Recomputed:
    """The result rows of every execution that has a span here. `as_of`: now, in nanoseconds since epoch.

    Expects all spans of each execution: a part gives the rows of that part. `deciding`: the evaluations that decide
    success, each with the score from which on it is one.
    """
    spans = steps.distinct(spans)
    mapping = trace_executions.run(spans)
    placed = handoffs.add(holds.notice(told.settle(steps.place(spans, mapping))))
    step_rows = steps.run(placed, prices)
    execution_rows = executions.run(
        placed,
        step_rows,
        evaluations,
        mapping,
        as_of=as_of,
        result_version=result_version(deciding),
        neighbours=neighbours,
        deciding=deciding,
    )
    return Recomputed(mapping, step_rows, execution_rows)


def result_version(deciding: Mapping[str, float] = outcome.DECIDING) -> int:
    """The version that rows are written with: another one where the settings judge otherwise."""
    if deciding == outcome.DECIDING:
        return RESULT_VERSION
    return crc32(repr((RESULT_VERSION, sorted(deciding.items()))).encode()) & 0x7FFF_FFFF
