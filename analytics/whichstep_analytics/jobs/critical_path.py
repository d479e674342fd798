"""Which steps an execution's time is made of: the critical path.

Read backwards from its end, every moment of an execution belongs to one step: of those under way the deepest that what
came next waited for. A step that ran beside a longer one is not on the path: making it faster would not help. The
walk is the one of CRISP (Zhang et al., USENIX ATC 2022) and of Jaeger: under a step the last child to end, then the
last that had ended when that one started, and so on; what runs past the end of the step above does not count.
Several roots are the children of the execution. Untimed and running steps are looked through.
"""

from __future__ import annotations

import polars as pl

from whichstep_analytics.jobs import tree


def of_steps(steps: pl.DataFrame) -> pl.Series:
    """`critical_path_ms`, Float64, of each row: its own part of the path, children apart; 0 beside it, null if untimed.

    `steps`: one row a step with execution_id, parent_at (row of the step above), started_at, ended_at, latency_ms. The
    sum over an execution with one root is the time that the root took.
    """
    timed = steps["latency_ms"].is_not_null()
    above = tree.nearest(steps["parent_at"], kept=timed)
    siblings = above.fill_null(steps["execution_id"].rle_id() + steps.height)
    start, end = tree.within(above, steps["started_at"].cast(pl.Int64), steps["ended_at"].cast(pl.Int64))
    ran = pl.DataFrame({"above": above, "siblings": siblings, "start": start, "end": end}).with_row_index("at")
    ran = ran.filter(timed & (pl.col("end") > pl.col("start")))
    waited_for = pl.zeros(steps.height, dtype=pl.UInt8, eager=True).scatter(_waited_for(ran), 1) == 1
    beside = tree.nearest(above, kept=~waited_for).is_not_null()
    path = ran.filter((waited_for & ~beside).gather(ran["at"])).with_columns(took=pl.col("end") - pl.col("start"))
    within = path.group_by("above").agg(pl.col("took").sum().alias("within"))
    own = path.join(within, left_on="at", right_on="above", how="left").select(
        "at", ((pl.col("took") - pl.col("within").fill_null(0)) / 1e6).alias("own")
    )
    beside_it = pl.select(pl.when(timed).then(0.0).alias("critical_path_ms")).to_series()
    return beside_it.scatter(own["at"], own["own"])


def _waited_for(ran: pl.DataFrame) -> pl.Series:
    """`at` of the steps that what came next, or the end of the step above, waited for."""
    ran = ran.select("at", "siblings", "start", "end").sort("siblings", "end", "start", "at", descending=True)
    overlaps = (pl.col("end") > pl.col("start").shift(1)).over("siblings").any().over("siblings").fill_null(value=False)
    ran = ran.with_columns(overlaps.alias("overlaps"))
    in_turn = ran.filter(~pl.col("overlaps"))["at"]
    return pl.concat([in_turn, _last_to_end(ran.filter("overlaps"))])


def _last_to_end(ran: pl.DataFrame) -> pl.Series:
    """The same where siblings overlap. Each choice hangs on the one before: a loop, over these alone."""
    chosen, group, began = [], None, 0
    for at, siblings, start, end, _ in ran.iter_rows():
        if siblings != group or end <= began:
            chosen.append(at)
            group, began = siblings, start
    return pl.Series("at", chosen, pl.UInt32)
