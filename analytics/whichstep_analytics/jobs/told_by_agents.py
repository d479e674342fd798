"""Tool calls that an agent's own span tells of, as a list at its end: placed where its model calls asked for them.

The list has every call of the run, with its result; what the model calls inside the agent tell of the same tools is
then told twice and left out. An agent that only names the call that ended it tells of no other. What an event tells
that was sent within the agent's span, and not within its call's, is no list of the agent's.
"""

from __future__ import annotations

import polars as pl

_SPAN = ["trace_id", "parent_span_id"]


def placed(told: pl.DataFrame, rows: pl.DataFrame, asks: pl.DataFrame) -> pl.DataFrame:
    """The rows told, with `by_agent` and `agent_asked_at` (null: no model call asked), each call told once."""
    agents = rows.filter((pl.col("type") == "agent") & ~pl.col("synthetic")).select(
        "trace_id", pl.col("span_id").alias("parent_span_id"), pl.col("started_at").alias("from"),
        pl.coalesce("ended_at", "started_at").alias("to"),
    ).unique(_SPAN, keep="any")  # fmt: skip
    known = told.join(agents, on=_SPAN, how="left", maintain_order="left")
    events = rows.filter((pl.col("type") == "llm_call") & pl.col("synthetic")).select(*_SPAN, "started_at").unique()
    known = known.join(events.with_columns(by_event=True), on=[*_SPAN, "started_at"], how="left", maintain_order="left")
    ran = pl.col("control_flow").is_null() & pl.col("ended_at").is_not_null() & (pl.col("type") == "tool_call")
    listed = pl.col("from").is_not_null() & pl.col("by_event").is_null()
    known = known.with_columns((listed & ran).alias("by_agent")).drop("by_event")
    once = known.join(_told_twice(known).select("row"), on="row", how="anti", maintain_order="left")
    return once.join(_asked(once, asks), on="row", how="left", maintain_order="left").drop("from", "to")


def _told_twice(known: pl.DataFrame) -> pl.DataFrame:
    """What model calls tell inside an agent that lists its calls with their results."""
    lists = known.filter(pl.col("by_agent") & pl.col("result").is_not_null()).select("trace_id", "from", "to").unique()
    hosted = pl.col("flags").list.contains("derived")
    others = known.filter(~pl.col("by_agent") & pl.col("control_flow").is_null() & ~hosted).drop("from", "to")
    return others.join(lists, on="trace_id").filter(pl.col("started_at").is_between("from", "to"))


def _asked(known: pl.DataFrame, asks: pl.DataFrame) -> pl.DataFrame:
    """Columns row, agent_asked_at, agent_place: the last call told of a tool is the last asked for, and so on back."""
    told = known.filter("by_agent").select("row", *_SPAN, "tool", "started_at", "from", "to")
    wanted = asks.select("trace_id", "place", "asked_at", tool="name")
    inside = told.select(*_SPAN, "tool", "from", "to").unique().join(wanted, on=["trace_id", "tool"])
    inside = inside.filter(pl.col("asked_at").is_between("from", "to"))
    both = _from_the_end(told, "started_at", "row").join(
        _from_the_end(inside, "asked_at", "place"), on=[*_SPAN, "tool", "back"]
    )
    all_known = both.filter(pl.col("count") <= pl.col("count_right"))
    return all_known.select("row", agent_asked_at="asked_at", agent_place="place")


def _from_the_end(frame: pl.DataFrame, *order: str) -> pl.DataFrame:
    groups = [*_SPAN, "tool"]
    return frame.sort(order).with_columns(
        pl.int_range(pl.len()).reverse().over(groups).alias("back"), pl.len().over(groups).alias("count")
    )
