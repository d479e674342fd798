"""What speaks for a turn before any rule does: where it stands, who takes it, how much of it is new.

A turn is a model call. `TRAITS` names each with what it means; the values are numbers of natural size (0 or 1, or the
logarithm of a count), so that a weight of `weights.json` can be read. No trait knows a framework, a data set, or the
name of an agent. Texts are previews of 1 KiB: what stands behind them is not seen. The last three are the same for
all turns of an agent in an orchestrated run: they tell which agent is to blame, and nothing of which of its turns.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import crew, evidence, lexicon

TRAITS: Final = {
    "later": "how late the turn stands (logarithm of its number)",
    "first": "the first turn",
    "second": "the second turn",
    "tells_first": "the first to tell what an action brought, where one agent does all",
    "takes_over": "another agent's than the turn before",
    "called_late": "the first of a worker that was not the first to be called, in an orchestrated run",
    "new_numbers": "numbers that stand nowhere before (logarithm of how many; 0 where one agent asks for an action)",
    "agrees": "begins with consent",
    "closes": "says that the work is done, where nobody leads",
    "leads_several": "its agent leads, and more than one worker works, in an orchestrated run",
    "of_late_worker": "its agent is a worker that was not the first to be called, in an orchestrated run",
    "taken_back": "`self_correction` fired on a turn of its agent, in an orchestrated run",
}
_NUMBER: Final = r"\d[\d,.]*"


def of_turns(steps: pl.DataFrame) -> pl.DataFrame:
    """One row a turn, in order: execution_id, at, step_id, agent, orchestrated, and a Float64 for each of TRAITS.

    All but `taken_back`, which rests on a rule: `scorer.features` adds it. `steps`: of `evidence.prepare`, whole
    executions.
    """
    turns = crew.turns(steps)
    turns = turns.join(_new_numbers(steps), on="at", how="left", maintain_order="left")
    turns = turns.with_columns(pl.col("at").is_in(_acting(steps).implode()).alias("acts"))
    values = [value.cast(pl.Float64).fill_null(0.0).alias(name) for name, value in _values().items()]
    return turns.select("execution_id", "at", "step_id", "agent", "orchestrated", *values)


def _values() -> dict[str, pl.Expr]:
    """In the order of TRAITS, all that need no rule."""
    text, orchestrated = pl.col("output").fill_null(""), pl.col("orchestrated")
    asks = pl.col("alone") & pl.col("acts")
    tells = pl.col("alone") & ~pl.col("acts") & pl.col("acts").shift(1, fill_value=False).over("execution_id")
    called_late = pl.col("worker") & pl.col("first_of_agent") & (pl.col("workers_before") > 0)
    late_worker = pl.col("worker") & (pl.col("workers_before").first().over("execution_id", "agent") > 0)
    return {
        "later": (pl.col("turn") + 1).log(),
        "first": pl.col("turn") == 0,
        "second": pl.col("turn") == 1,
        "tells_first": tells & (tells.cast(pl.UInt32).cum_sum().over("execution_id") == 1),
        "takes_over": pl.col("takes_over"),
        "called_late": orchestrated & called_late,
        "new_numbers": pl.when(~asks).then((pl.col("new_numbers").fill_null(0) + 1).log()),
        "agrees": text.str.contains(lexicon.AGREED),
        "closes": ~orchestrated & text.str.contains(lexicon.CLOSED),
        "leads_several": orchestrated & ~pl.col("worker") & (pl.col("workers") > 1),
        "of_late_worker": orchestrated & late_worker,
    }


def _acting(steps: pl.DataFrame) -> pl.Series:
    """The rows of the turns that an action followed from."""
    return steps.filter(pl.col("type").is_in(evidence.ACTIONS))["turn_at"].drop_nulls().unique()


def _new_numbers(steps: pl.DataFrame) -> pl.DataFrame:
    """at, new_numbers: how many numbers a step says that neither the input nor any step before it said."""
    given = steps.filter((pl.col("type") == "llm_call") & pl.col("input").is_not_null())
    nowhere, before = pl.lit(None, pl.UInt32).alias("at"), (pl.col("at") * 2).alias("order")
    said = pl.concat([
        steps.select("execution_id", "at", before + 1, _own_text().alias("text")),
        given.select("execution_id", nowhere, before, pl.col("input").alias("text")),
    ])  # fmt: skip
    numbers = said.sort("order").select(
        pl.col("execution_id").rle_id(), "at", pl.col("text").str.extract_all(_NUMBER).alias("number")
    )
    first = numbers.explode("number").drop_nulls("number").unique(["execution_id", "number"], keep="first")
    return first.drop_nulls("at").group_by("at").agg(pl.len().alias("new_numbers"))


def _own_text() -> pl.Expr:
    """What a step brought in: the question, a model's words, an action's arguments and result."""
    action = pl.concat_str(["arguments", "result"], separator=" ", ignore_nulls=True)
    return (
        pl.when(pl.col("parent_at").is_null() & pl.col("type").is_in(("agent", "workflow"))).then("input")
        .when(pl.col("type") == "llm_call").then("output")
        .when(pl.col("type").is_in(evidence.ACTIONS)).then(action)
    )  # fmt: skip
