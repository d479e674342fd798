"""Traces that several executions share: the tasks of one web request or one batch loop.

Such a trace carries several explicit execution ids. A span with an id of its own belongs to that execution, another
one to the execution of its nearest ancestor with an id. What stands above or beside them, the request itself, is the
rest of the trace; it belongs to the execution that is called after the trace, where there is one.
"""

from __future__ import annotations

import polars as pl

from whichstep_analytics.jobs import tree


def keys(spans: pl.DataFrame) -> pl.Series | None:
    """For each span the explicit id that it goes under: null in unshared traces and in the rest of shared ones.

    None where no trace here is shared, as nearly always.
    """
    explicit = pl.col("execution_rule") == "explicit"
    ids = spans.lazy().filter(explicit).select("trace_id", "execution_key").unique()
    several = ids.filter(pl.len().over("trace_id") > 1).collect()
    if several.is_empty():
        return None
    columns = ("trace_id", "span_id", "parent_span_id", "execution_key", "execution_rule")
    shared = spans.select(columns).with_row_index("row").join(several, on="trace_id", how="semi")
    own = shared.select(pl.when(explicit).then("execution_key")).to_series()
    above = tree.nearest(tree.parent_rows(shared), kept=own.is_not_null())
    called_after_trace = several.filter(pl.col("trace_id") == pl.col("execution_key"))["trace_id"]
    rest = pl.when(pl.col("trace_id").is_in(called_after_trace.implode())).then("trace_id")
    found = shared.select(pl.coalesce(pl.lit(own), pl.lit(own.gather(above)), rest)).to_series()
    return pl.Series("key", [None], pl.String).new_from_index(0, spans.height).scatter(shared["row"], found)


def apart(spans: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
    """The spans with `key`, where the top of each execution has no parent: the span above it is another's."""
    parents = tree.parent_rows(spans)
    others = parents.is_not_null() & keys.ne_missing(keys.gather(parents))
    parent = pl.when(~pl.lit(others)).then("parent_span_id").alias("parent_span_id")
    return spans.with_columns(pl.lit(keys).alias("key"), parent)
