"""Which executions repeat an earlier one: where nobody said so, by the same input in a session or by the task's id.

A re-run is of the same task type and agent as what it repeats. In one session it has the same input, and follows at
once or says more than a word or two ("yes" said twice is no re-run); another input there is the next turn. Of a task
with an id of its own, the next execution in another session, or in none, repeats the one before. Cases of a data set
are run many times on purpose: those trials repeat nothing.
"""

from __future__ import annotations

from typing import Final

import polars as pl

STATED, BY_INPUT, BY_TASK = "stated", "input", "task"
INPUT_LENGTH_MIN: Final = 20
"""Characters from which on the same input, said again later in a session, is taken for the same request."""
_TRIALS: Final = ("dataset", "adversarial")
_KIND: Final = ("task_type", "agent")
_COLUMNS: Final = (
    "execution_id", "session_id", "task_id", *_KIND, "purpose", "input_digest", "input_length", "started_at", "turn",
    "rerun_of", "rerun_rule",
)  # fmt: skip


def reruns(executions: pl.DataFrame, neighbours: pl.DataFrame) -> pl.DataFrame:
    """execution_id, rerun_of, rerun_rule, repeated (it is a re-run, or is re-run) of all executions given.

    What was stated stays; of a neighbour, whose relations are seen in part, what was found before stays too.
    """
    others = neighbours.join(executions, on="execution_id", how="anti")
    everyone = pl.concat([executions.select(_COLUMNS), others.select(_COLUMNS)])
    found = _by_input(everyone).join(_by_task(everyone), on="execution_id", how="full", coalesce=True)
    later = pl.col("by_task_at").is_null() | (pl.col("by_input_at") >= pl.col("by_task_at"))
    by_input = pl.col("by_input").is_not_null() & later
    known = pl.col("rerun_of").is_not_null() & (pl.col("rerun_rule") == STATED)
    guess = pl.when(by_input).then("by_input").otherwise("by_task")
    rule = pl.when(by_input).then(pl.lit(BY_INPUT)).when(pl.col("by_task").is_not_null()).then(pl.lit(BY_TASK))
    placed = everyone.join(found, on="execution_id", how="left").select(
        "execution_id",
        pl.when(known).then("rerun_of").otherwise(pl.coalesce(guess, "rerun_of")).alias("rerun_of"),
        pl.when(known).then("rerun_rule").otherwise(pl.coalesce(rule, "rerun_rule")).alias("rerun_rule"),
    )
    is_rerun = pl.col("rerun_of").is_not_null()
    return placed.with_columns(
        (is_rerun | pl.col("execution_id").is_in(placed["rerun_of"].implode())).alias("repeated")
    )


def _by_input(everyone: pl.DataFrame) -> pl.DataFrame:
    """execution_id, by_input (what it repeats), by_input_at."""
    same = ("session_id", "input_digest", *_KIND)
    at_once = pl.col("turn") == pl.col("turn_before") + 1
    return (
        _with_previous(everyone.filter(pl.col("session_id").is_not_null() & pl.col("input_digest").is_not_null()), same)
        .filter(at_once | (pl.col("input_length") >= INPUT_LENGTH_MIN))
        .select("execution_id", pl.col("before").alias("by_input"), pl.col("before_at").alias("by_input_at"))
    )


def _by_task(everyone: pl.DataFrame) -> pl.DataFrame:
    """execution_id, by_task (what it repeats), by_task_at."""
    in_session = (pl.col("session_id") == pl.col("session_before")).fill_null(value=False)
    return (
        _with_previous(everyone, ("task_id", *_KIND))
        .filter(~in_session)
        .select("execution_id", pl.col("before").alias("by_task"), pl.col("before_at").alias("by_task_at"))
    )


def _with_previous(executions: pl.DataFrame, same: tuple[str, ...]) -> pl.DataFrame:
    """The executions that have one before them in their group, with what is known of that one."""
    before = {
        "before": "execution_id",
        "before_at": "started_at",
        "turn_before": "turn",
        "session_before": "session_id",
    }
    return (
        executions.filter(~pl.col("purpose").is_in(_TRIALS))
        .sort("started_at", "execution_id")
        .with_columns(pl.col(name).shift(1).over(same).alias(alias) for alias, name in before.items())
        .filter(pl.col("before").is_not_null())
    )
