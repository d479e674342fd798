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
_LIMIT_NUMBER: Final = r"(?i)(?:limit|max)\D{0,40}?(\d+)"
_LIMIT_UNITS: Final = (
    (r"(?i)recursion|step|iteration", "steps"),
    (r"(?i)llm.?call|request", "model calls"),
    (r"(?i)turn", "turns"),
)


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Runs of equal calls with which the execution ended, by itself or at a limit."""
    runs = _runs(steps)
    if runs.is_empty():
        return evidence.no_suspects()
    found = runs.join(_ends(steps), on="execution_id").filter(pl.col("last") == pl.col("last_action"))
    found = found.rechunk()  # Polars 2.1 panics in pl.format where a filter left an empty chunk
    found = found.with_columns(pl.Series("above", _agents_above(steps, found["rows"]), pl.UInt32))
    stuck = pl.col("at_limit") | (pl.col("last_call") <= pl.col("last")).fill_null(value=True)
    # that the limit was reached is sure even where nobody can see whether the arguments were the same
    kind = pl.when(~pl.col("seen") & pl.col("at_limit")).then(pl.lit("budget_exceeded")).otherwise(pl.lit("loop"))
    score = pl.when(pl.col("at_limit")).then(0.97).when(pl.col("seen")).then(0.9).otherwise(0.5)
    looped = found.select(
        "execution_id",
        pl.col("above").alias("at"),
        "cause_step_id",
        kind.alias("kind"),
        score.alias("score"),
        pl.format("{}{}", _repeated(), _until()).alias("reason"),
        (stuck | (pl.col("count") >= _REPEATS_STUBBORN)).alias("fails"),
    ).pipe(shaped, evidence.SUSPECT_SCHEMA)
    return pl.concat([looped, *_beside(found, looped, steps)])


def _ends(steps: pl.DataFrame) -> pl.DataFrame:
    """How executions ended: at_limit, limit (what the error says of it, null), last_action, last_call."""
    text = pl.concat_str([pl.col("error_type"), pl.col("error_message")], separator=" ", ignore_nulls=True)
    at_limit = (pl.col("status") == "error") & text.str.contains(kinds.LIMIT)
    action = pl.col("type").is_in(("tool_call", "retrieval", "handoff", "approval"))
    return steps.group_by("execution_id").agg(
        at_limit.any().alias("at_limit"),
        text.filter(at_limit).first().alias("limit"),
        pl.col("at").filter(action).max().alias("last_action"),
        pl.col("at").filter(pl.col("type") == "llm_call").max().alias("last_call"),
    )


def _repeated() -> pl.Expr:
    same = pl.when(pl.col("seen")).then(pl.lit("with the same arguments")).otherwise(pl.lit("(arguments not sent)"))
    return pl.format("{} was called {} times {}", "action", "count", same)


def _until() -> pl.Expr:
    """The limit in words: `until the limit of 6 turns`, as far as the error says it."""
    number, unit = pl.col("limit").str.extract(_LIMIT_NUMBER), pl.lit("")
    for words, name in _LIMIT_UNITS:
        unit = pl.when(pl.col("limit").str.contains(words)).then(pl.lit(f" {name}")).otherwise(unit)
    told = pl.coalesce(pl.format(" until the limit of {}{}", number, unit), pl.lit(" until a limit stopped it"))
    return pl.when(pl.col("at_limit")).then(told).otherwise(pl.lit(""))


def _beside(found: pl.DataFrame, looped: pl.DataFrame, steps: pl.DataFrame) -> list[pl.DataFrame]:
    """The call that made it a loop, and the model call that asked for it: weaker suspects, never enough alone."""
    runs = found.with_columns(looped["kind"], looped["score"])
    asked = runs.join(
        steps.select("execution_id", pl.col("step_id").alias("cause_step_id"), pl.col("at").alias("asked_at")),
        on=["execution_id", "cause_step_id"],
    )
    call = pl.col("rows").list.get(_REPEATS - 1)
    again = pl.format("asked for {} again", "action")
    return [
        _weaker(runs.with_columns(call.alias("at")).filter(pl.col("at") != pl.col("above")), 0.6, _repeated()),
        _weaker(asked.with_columns(pl.col("asked_at").alias("at")), 0.5, again),
    ]


def _weaker(runs: pl.DataFrame, factor: float, reason: pl.Expr) -> pl.DataFrame:
    return runs.with_columns(pl.col("score") * factor, reason.alias("reason"), pl.lit(value=False).alias("fails")).pipe(
        shaped, evidence.SUSPECT_SCHEMA
    )


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
        (pl.col("result").drop_nulls().n_unique() <= 1).alias("nothing_new"),  # what was not sent is no news
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
