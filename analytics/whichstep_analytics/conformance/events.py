"""The steps of executions as a contract sees them, in order, and executions grouped by their variant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from whichstep.contract.machine import ACT, DECLARED, IGNORED, TOOL, Machine
from whichstep.contract.progress import Event
from whichstep_analytics.conformance.alignment import Token
from whichstep_analytics.conformance.variants import Seen
from whichstep_analytics.jobs import tree

STEP_COLUMNS: Final[Mapping[str, pl.DataType]] = {
    "execution_id": pl.String(), "step_id": pl.UInt64(), "parent_step_id": pl.UInt64(), "position": pl.Int32(),
    "type": pl.String(), "name": pl.String(), "status": pl.String(), "error_type": pl.String(),
}  # fmt: skip
"""What is needed of `steps`."""
_NOT_RUN: Final = ("blocked", "rejected", "expired", "pending_approval")
_VIOLATION: Final = "WorkflowViolation"
_SHAPE: Final = ("type", "name", "kind", "label", "scope", "failed", "granted", "refused")


class Events(NamedTuple):
    """`rows`: the steps that count, sorted by execution and position, with `shape`, an index into `seen`.

    `stopped` has execution_id and `at_end` of executions that the live check stopped: at their end, or in their midst.
    """

    rows: pl.DataFrame
    seen: list[Seen]
    stopped: pl.DataFrame


def events(steps: pl.DataFrame, machine: Machine) -> Events:
    """The steps of executions as the contract of `machine` sees them."""
    own = (pl.col("type") == "workflow") & (pl.col("name") == machine.contract.name)
    steps = placed(steps.with_columns(own.alias("own")))
    steps = placed(steps.filter(_inside(steps)).drop("parent_at"))
    steps = _with_kinds(steps, machine)
    refused, at_end = _refusals(steps)
    steps = steps.with_columns(
        pl.Series("scope", _scopes(steps), pl.String),
        refused,
        (pl.col("status") == "error").alias("failed"),
        ((pl.col("type") != "approval") | (pl.col("status") == "ok")).alias("granted"),
    )
    stopped = steps.filter(refused | at_end).group_by("execution_id").agg((~pl.col("refused")).all().alias("at_end"))
    rows = steps.filter(_counts(machine) & (pl.col("refused") | ~pl.col("status").is_in(_NOT_RUN)))
    shapes = rows.select(_SHAPE).unique(maintain_order=True).with_row_index("shape")
    rows = rows.join(shapes, on=list(_SHAPE), nulls_equal=True, maintain_order="left")
    return Events(rows, [_seen(row) for row in shapes.iter_rows(named=True)], stopped)


def placed(steps: pl.DataFrame) -> pl.DataFrame:
    """STEP_COLUMNS sorted by execution and position, with `parent_at`: the row of each step's parent."""
    ordered = steps.sort("execution_id", "position", "step_id")
    rows = ordered.select("execution_id", "step_id", "parent_step_id").with_row_index("at")
    parents = rows.join(
        rows.select("execution_id", pl.col("step_id").alias("parent_step_id"), pl.col("at").alias("parent_at")),
        on=["execution_id", "parent_step_id"],
        how="left",
        maintain_order="left",
    )
    return ordered.with_columns(parents["parent_at"])


def _inside(steps: pl.DataFrame) -> pl.Series:
    """The workflow's own step and those below; all of an execution that has no such step."""
    below = tree.nearest(steps["parent_at"], kept=steps["own"]).is_not_null()
    # its own step stays, as a frame: it says whether the live check stopped the workflow at its end
    return below | steps["own"] | ~steps.select(pl.col("own").any().over("execution_id"))["own"]


def _with_kinds(steps: pl.DataFrame, machine: Machine) -> pl.DataFrame:
    """Adds `kind`, `label` and `ruled` (whether a rule is about it): found once for each type and name."""
    distinct = steps.select("type", "name").unique(maintain_order=True)
    kinds = [machine.kind(*pair) for pair in distinct.iter_rows()]
    ruled = [
        bool(machine.parts(kind.label, step_type)) for kind, step_type in zip(kinds, distinct["type"], strict=True)
    ]
    known = distinct.with_columns(
        pl.Series("kind", [kind.kind for kind in kinds], pl.String),
        pl.Series("label", [kind.label for kind in kinds], pl.String),
        pl.Series("ruled", ruled, pl.Boolean),
    )
    joined = steps.join(known, on=["type", "name"], how="left", maintain_order="left")
    return joined.with_columns(pl.when("own").then(pl.lit(IGNORED)).otherwise("kind").alias("kind"))


def _refusals(steps: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Which steps the live check refused, and which workflow it stopped at its end.

    The error of a refused step leaves the steps around it, too; it began where nothing below has it.
    """
    marked = steps["error_type"].fill_null("").str.ends_with(_VIOLATION)
    origin = marked & ~tree.has_descendant(steps["parent_at"], marked) if marked.any() else marked
    is_workflow = steps["type"] == "workflow"
    return (origin & ~is_workflow).alias("refused"), (origin & is_workflow).alias("at_end")


def _scopes(steps: pl.DataFrame) -> pl.Series:
    around = tree.nearest(steps["parent_at"], kept=steps["kind"] == DECLARED)
    return steps["label"].gather(around)


def _counts(machine: Machine) -> pl.Expr:
    """Whether a step can matter: by its order, to a rule, or to the budget of steps."""
    outside = (pl.col("kind") == ACT) & pl.col("scope").is_null()
    ordered = pl.col("kind").is_in((DECLARED, TOOL)) | (outside if machine.closed else pl.lit(value=False))
    budgeted = pl.lit(machine.contract.budgets.steps is not None) & (pl.col("kind") == ACT)
    return (ordered | pl.col("ruled") | budgeted | pl.col("refused")) & (pl.col("kind") != IGNORED)


def _seen(row: Mapping[str, object]) -> Seen:
    scope = row["scope"]
    inside = str(scope) if scope is not None else None
    event = Event(str(row["type"]), str(row["name"]), inside, bool(row["granted"]))
    token = Token(str(row["kind"]), str(row["label"]), inside, bool(row["refused"]))
    return Seen(event, token, bool(row["failed"]))
