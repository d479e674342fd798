"""Who works with whom: the model calls of executions as turns of one agent, of a conversation, or of an orchestration.

An agent is the one whose name the call carries or inherits. The agent of the first turn leads. A run is orchestrated
where others work too, the leader has at least half of the turns, and nobody but the leader takes up what a worker said.
"""

from __future__ import annotations

from typing import Final

import polars as pl

_LEADS: Final = 0.5


def turns(steps: pl.DataFrame) -> pl.DataFrame:
    """The model calls with what their place says, in order.

    `turn`: number from 0; `turns`: of the execution; `alone`: one agent; `workers`: how many others than the leader;
    `worker`: not the leader; `orchestrated`: of the execution; `took_up`: the leader's, right after a worker's;
    `takes_over`: another agent than of the turn before; `first_of_agent`; `workers_before`: turns of workers before it.
    """
    of_run, agent = "execution_id", pl.col("agent").fill_null("")
    found = steps.filter(pl.col("type") == "llm_call").with_columns(
        pl.int_range(pl.len()).over(of_run).alias("turn"),
        pl.len().over(of_run).alias("turns"),
        (agent.n_unique().over(of_run) == 1).alias("alone"),
        (agent.n_unique().over(of_run) - 1).alias("workers"),
        (agent != agent.first().over(of_run)).alias("worker"),
        (agent != agent.shift(1).over(of_run)).fill_null(value=False).alias("takes_over"),
        (pl.int_range(pl.len()).over(of_run, "agent") == 0).alias("first_of_agent"),
    )
    worker, before = pl.col("worker"), pl.col("worker").shift(1, fill_value=False).over(of_run)
    passed_on = (worker & pl.col("worker").shift(-1, fill_value=False).over(of_run)).any().over(of_run)
    leads = (~worker).mean().over(of_run) >= _LEADS
    return found.with_columns(
        (~pl.col("alone") & leads & ~passed_on).alias("orchestrated"),
        (~worker & before).alias("took_up"),
        worker.cast(pl.UInt32).cum_sum().shift(1, fill_value=0).over(of_run).alias("workers_before"),
    )
