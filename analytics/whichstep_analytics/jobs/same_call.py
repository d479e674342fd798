"""Which spans are one model call seen twice, though neither stands above the other: they tell the same response id.

So a client that traces itself looks beside an instrumentation of it where the context is lost between them, as in
streams. The same id alone is no evidence, for some are made up: the second must lie within the time of the first and
be of another dialect.
"""

from __future__ import annotations

import polars as pl

from whichstep_analytics.jobs import tree

_WHERE = ("row", "trace_id", "started_at", "ended_at", "dialect", "response_id")


def pairs(spans: pl.DataFrame) -> pl.DataFrame:
    """`outer` and `inner` (rows of `spans`), `trace_id` and `other` (the trace of the outer and of the inner)."""
    told = (pl.col("type") == "llm_call") & pl.col("response_id").is_not_null() & ~pl.col("synthetic")
    calls = spans.lazy().with_row_index("row").filter(told).select(_WHERE)
    calls = calls.filter(pl.len().over("response_id") > 1).sort("response_id", "started_at", "row")
    following = calls.select(pl.all().shift(-1).over("response_id").name.prefix("other_"))
    found = pl.concat([calls, following], how="horizontal").filter(
        (pl.col("other_ended_at") <= pl.col("ended_at")) & (pl.col("dialect") != pl.col("other_dialect"))
    )
    return found.select(
        pl.col("row").alias("outer"), pl.col("other_row").alias("inner"), "trace_id",
        pl.col("other_trace_id").alias("other"),
    ).collect()  # fmt: skip


def hung_up(spans: pl.DataFrame, parents: pl.Series) -> pl.Series:
    """The rows of the parents, where the second sight of a call has the first one for its parent."""
    found = pairs(spans)
    if found.is_empty():
        return parents
    above = tree.nearest(parents, kept=spans["type"] == "llm_call")
    apart = (above.gather(found["inner"]).ne_missing(found["outer"])) & (
        above.gather(found["outer"]).ne_missing(found["inner"])
    )
    found = found.filter(apart)
    return parents.scatter(found["inner"], found["outer"])
