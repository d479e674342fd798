"""One recompute: from all spans of some executions to their result rows. Pure: same frames and `as_of`, same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from zlib import crc32

import polars as pl

from whichstep.policy import Policy
from whichstep_analytics.jobs import (
    actions,
    executions,
    handoffs,
    holds,
    outcome,
    passed_on,
    requests,
    steps,
    told,
    trace_executions,
    ungrounded_values,
    whole_traces,
)
from whichstep_analytics.jobs.frames import empty
from whichstep_analytics.prices import Prices
from whichstep_store.results import APPROVAL_FIELDS, EXPECTATION_FIELDS, UNGROUNDED_FIELDS

RESULT_VERSION: Final = 27
"""Raised with every change of a job, a failure rule or the price table; older rows are recomputed in slices."""


NO_APPROVALS: Final = empty(APPROVAL_FIELDS)
ALL_GROUNDED: Final = empty(UNGROUNDED_FIELDS)


class Recomputed(NamedTuple):
    """Result rows; `steps` carries the working columns of `jobs.steps` beside those of step_rows."""

    mapping: pl.DataFrame
    steps: pl.DataFrame
    executions: pl.DataFrame
    actions: pl.DataFrame
    tool_matches: pl.DataFrame
    moved: pl.DataFrame


def recompute(
    spans: pl.DataFrame,
    evaluations: pl.DataFrame,
    neighbours: pl.DataFrame,
    expectations: pl.DataFrame | None = None,
    *,
    prices: Prices,
    as_of: int,
    deciding: Mapping[str, float] = outcome.DECIDING,
    approvals: pl.DataFrame = NO_APPROVALS,
    policy: Policy | None = None,
    ungrounded: pl.DataFrame = ALL_GROUNDED,
) -> Recomputed:
    """The result rows of every execution that has a span here. `as_of`: now, in nanoseconds since epoch.

    Expects all spans of each execution: a part gives the rows of that part. `deciding`: the evaluations that decide
    success, each with the score from which on it is one. `approvals`: requests of these executions; `policy`: of the
    sidecar, with which their actions are compared. `ungrounded`: values in their answers that stand in no source.
    `expectations`: what the ledger holds to be right.
    """
    spans = whole_traces.settle(steps.distinct(spans))
    mapping = trace_executions.run(spans)
    placed = handoffs.add(holds.notice(told.settle(passed_on.settle(steps.place(spans, mapping)))))
    placed = requests.add(placed, approvals)
    step_rows = ungrounded_values.mark(steps.run(placed, prices, approvals), ungrounded)
    action_rows = actions.run(step_rows, placed, approvals, policy)
    found = executions.run(
        placed,
        step_rows,
        evaluations,
        mapping,
        as_of=as_of,
        result_version=result_version(deciding, policy),
        neighbours=neighbours,
        expectations=empty(EXPECTATION_FIELDS) if expectations is None else expectations,
        deciding=deciding,
        actions=actions.of_executions(action_rows, step_rows, policy),
    )
    return Recomputed(mapping, step_rows, found.rows, action_rows, found.tool_matches, found.moved)


def result_version(deciding: Mapping[str, float] = outcome.DECIDING, policy: Policy | None = None) -> int:
    """The version that rows are written with: another one where the settings or the policy judge otherwise."""
    if deciding == outcome.DECIDING and policy is None:
        return RESULT_VERSION
    judged_by = (RESULT_VERSION, sorted(deciding.items()), policy.digest if policy else None)
    return crc32(repr(judged_by).encode()) & 0x7FFF_FFFF
