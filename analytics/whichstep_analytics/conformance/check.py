"""The job: one row an execution, whether it keeps to the contract and what it breaks, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
import polars as pl

from whichstep.contract import Contract
from whichstep.contract.machine import Machine
from whichstep_analytics.conformance.events import STEP_COLUMNS, Events, events
from whichstep_analytics.conformance.outputs import NO_OUTPUTS, malformed
from whichstep_analytics.conformance.spending import over_budget
from whichstep_analytics.conformance.variants import Judge, Judged

EXECUTION_COLUMNS: Final[Mapping[str, pl.DataType]] = {
    "execution_id": pl.String(), "status": pl.String(), "cost_usd": pl.Float64(), "tokens": pl.Int64(),
    "active_ms": pl.Float64(),
}  # fmt: skip
"""What is needed of `executions`."""
CONFORMANCE_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "complete": pl.Boolean(),  # it ended by itself: steps that are missing at its end count
        "conformant": pl.Boolean(),  # null: it still runs, and has broken nothing so far
        "fitness": pl.Float64(),
        "step_count": pl.Int32(),  # steps that the contract has a word on
        "deviation_count": pl.Int32(),
        "deviations": pl.String(),  # JSON array: move, step, step_id, position, rule, reason
        "unchecked_outputs": pl.Int32(),  # of steps with a schema whose output is not known whole
        "variant": pl.String(),  # 32 hex digits, equal for executions with the same steps in the same order
    }
)
DEVIATIONS_MAX: Final = 100
"""As many are kept of one execution; `deviation_count` has all."""
_RUNNING: Final = ("running", "waiting")


class Checked(NamedTuple):
    """`rows` is CONFORMANCE_SCHEMA, `traces` the steps that count by execution, `judged` what is true of a variant.

    `traces` has execution_id, complete, key (of `judged`, with complete), shape (into `events.seen`).
    """

    rows: pl.DataFrame
    traces: pl.DataFrame
    judged: dict[tuple[str, bool], Judged]
    events: Events
    machine: Machine


def check(
    steps: pl.DataFrame, executions: pl.DataFrame, contract: Contract, *, texts: pl.DataFrame = NO_OUTPUTS
) -> Checked:
    """Whether each of the executions keeps to the contract.

    Args:
        steps: STEP_COLUMNS of all steps of the executions, and `output` and `result` where schemas are to be checked.
        executions: EXECUTION_COLUMNS.
        contract: What they are held to.
        texts: Whole outputs (execution_id, step_id, text) of steps whose own are previews that were cut.
    """
    machine = Machine(contract)
    found = events(steps.with_columns(pl.col(name).cast(kind) for name, kind in STEP_COLUMNS.items()), machine)
    grouped = _grouped(executions, found)
    judged = _judged(grouped, found, Judge(machine))
    wrong = malformed(found.rows, contract, texts)
    spent = over_budget(executions, contract.budgets)
    rows = [_row(row, judged, wrong.deviations, spent, wrong.unchecked) for row in grouped.iter_rows(named=True)]
    frame = pl.DataFrame(rows, schema=CONFORMANCE_SCHEMA, orient="row").sort("execution_id")
    return Checked(frame, grouped, judged, found, machine)


def _grouped(executions: pl.DataFrame, found: Events) -> pl.DataFrame:
    """One row an execution: its shapes, step ids and positions in order, its variant, whether it is complete."""
    traces = found.rows.group_by("execution_id", maintain_order=True).agg("shape", "step_id", "position")
    stopped = found.stopped.select("execution_id", "at_end")
    joined = executions.select("execution_id", "status").join(traces, on="execution_id", how="left")
    joined = joined.join(stopped, on="execution_id", how="left").with_columns(
        pl.col("shape", "step_id", "position").fill_null([]),
        (pl.col("status") == "ok").alias("ended_well"),
    )
    return joined.with_columns(
        (pl.col("ended_well") | pl.col("at_end").fill_null(value=False)).alias("complete"),
        pl.col("shape").cast(pl.List(pl.String)).list.join(" ").alias("key"),
    ).sort("execution_id")


def _judged(grouped: pl.DataFrame, found: Events, judge: Judge) -> dict[tuple[str, bool], Judged]:
    distinct = grouped.unique(["key", "complete"], maintain_order=True).select("key", "complete", "shape")
    return {
        (key, complete): judge.judge([found.seen[shape] for shape in shapes], complete=complete)
        for key, complete, shapes in distinct.iter_rows()
    }


def _row(
    row: Mapping[str, Any],
    judged: Mapping[tuple[str, bool], Judged],
    wrong: Mapping[str, Sequence[dict[str, Any]]],
    spent: Mapping[str, Sequence[dict[str, Any]]],
    unchecked: Mapping[str, int],
) -> tuple[Any, ...]:
    execution_id = row["execution_id"]
    of_variant = judged[row["key"], row["complete"]]
    deviations = [
        {
            "move": deviation.move,
            "step": deviation.label or None,
            "step_id": None if deviation.at is None else f"{row['step_id'][deviation.at]:016x}",
            "position": None if deviation.at is None else row["position"][deviation.at],
            "rule": deviation.rule,
            "reason": deviation.reason,
        }
        for deviation in of_variant.deviations
    ]
    deviations += [*wrong.get(execution_id, ()), *spent.get(execution_id, ())]
    runs = row["status"] in _RUNNING
    return (
        execution_id,
        row["complete"],
        False if deviations else None if runs else True,
        of_variant.fitness,
        len(row["shape"]),
        len(deviations),
        orjson.dumps(deviations[:DEVIATIONS_MAX]).decode(),
        unchecked.get(execution_id, 0),
        of_variant.variant,
    )
