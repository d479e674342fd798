"""The agent did the same thing over and over: one tool with the same arguments, and nothing new came of it.

The failing step is the agent (or workflow) that ran in circles, not any one of the calls, none of which failed; the
cause is the model call that asked for the call that made it a loop. Where no step stands above the calls, it is that
call. Repeats that end in another answer are polling, repeats after errors are retries: neither is a loop.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence, kinds
from whichstep_analytics.jobs.frames import shaped

_REPEATS: Final = 3
_REPEATS_UNSEEN: Final = 4
"""Calls in a row of one tool whose arguments were not sent; they must not overlap, as a batch of calls would."""
_REPEATS_STUBBORN: Final = 5
"""So many equal calls with equal results are a loop even where the model still writes something at the end."""
_AGENTS: Final = ("agent", "workflow")


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Runs of equal calls with which the execution ended, by itself or at a limit."""
    runs = _runs(steps)
    if runs.is_empty():
        return evidence.no_suspects()
    text = pl.concat_str([pl.col("error_type"), pl.col("error_message")], separator=" ", ignore_nulls=True)
    action = pl.col("type").is_in(("tool_call", "retrieval", "handoff", "approval"))
    ends = steps.group_by("execution_id").agg(
        text.filter(pl.col("status") == "error").str.contains(kinds.LIMIT).any().alias("at_limit"),
        pl.col("at").filter(action).max().alias("last_action"),
        pl.col("at").filter(pl.col("type") == "llm_call").max().alias("last_call"),
    )  # fmt: skip
    found = runs.join(ends, on="execution_id").filter(pl.col("last") == pl.col("last_action"))
    stuck = pl.col("at_limit") | (pl.col("last_call") <= pl.col("last")).fill_null(value=True)
    return found.select(
        "execution_id",
        pl.Series("at", _agents_above(steps, found["rows"]), pl.UInt32),
        "cause_step_id",
        pl.lit("loop").alias("kind"),
        pl.when(~pl.col("seen")).then(0.5).when(pl.col("at_limit")).then(0.97).otherwise(0.9).alias("score"),
        pl.format(
            "{} was called {} times in a row {}{}",
            "action",
            "count",
            pl.when(pl.col("seen")).then(pl.lit("with the same arguments")).otherwise(pl.lit("(arguments not sent)")),
            pl.when(pl.col("at_limit")).then(pl.lit(", until a limit stopped it")).otherwise(pl.lit("")),
        ).alias("reason"),
        (stuck | (pl.col("count") >= _REPEATS_STUBBORN)).alias("fails"),
    ).pipe(shaped, evidence.SUSPECT_SCHEMA)


def _runs(steps: pl.DataFrame) -> pl.DataFrame:
    """Consecutive equal calls of an execution: action, seen, count, rows, last, cause_step_id."""
    calls = steps.filter(pl.col("type").is_in(("tool_call", "retrieval")) & (pl.col("status") == "ok"))
    calls = calls.with_columns(pl.struct("execution_id", "action", "arguments_digest").rle_id().alias("run"))
    calls = calls.filter(pl.len().over("run") >= _REPEATS)
    runs = calls.group_by("run", maintain_order=True).agg(
        pl.col("execution_id").first(),
        pl.col("action").first(),
        pl.col("arguments_digest").first().is_not_null().alias("seen"),
        pl.len().alias("count"),
        pl.col("at").alias("rows"),
        pl.col("at").last().alias("last"),
        pl.col("requested_by").get(_REPEATS - 1, null_on_oob=True).alias("cause_step_id"),
        (pl.col("result").n_unique() == 1).alias("nothing_new"),
        (pl.col("started_at") < pl.col("ended_at").shift(1)).any().alias("overlap"),
    )
    long = pl.when(pl.col("seen")).then(pl.col("count") >= _REPEATS).otherwise(pl.col("count") >= _REPEATS_UNSEEN)
    return runs.filter(long & pl.col("nothing_new") & (pl.col("seen") | ~pl.col("overlap")))


def _agents_above(steps: pl.DataFrame, runs: pl.Series) -> list[int]:
    """For each run of rows the lowest agent or workflow above all of them, else the call that made it a loop.

    A plain loop: executions that end in a loop are rare, and a common ancestor is a walk.
    """
    parents, types = steps["parent_at"].to_list(), steps["type"].to_list()
    return [_agent_above(rows, parents, types) for rows in runs.to_list()]


def _agent_above(rows: list[int], parents: list[int | None], types: list[str]) -> int:
    lines = [_ancestors(row, parents) for row in rows]
    shared = set(lines[0]).intersection(*lines[1:])
    agents = [row for row in lines[0] if row in shared and types[row] in _AGENTS]
    return agents[0] if agents else rows[_REPEATS - 1]


def _ancestors(row: int, parents: list[int | None]) -> list[int]:
    line, above = [], parents[row]
    while above is not None:
        line.append(above)
        above = parents[above]
    return line
