"""The step tree of many executions at once: parents, depths and paths by pointer doubling.

Rows are addressed by their index in the frame, so a step of work on the whole forest is one gather. A loop runs
log2(depth) times, never once a span. Where a parent is missing (a framework left its span open when an error passed)
the only root of the trace stands in for it; without one its children are roots. Parents that run in a circle are cut
off, each for itself.
"""

from __future__ import annotations

from typing import Final

import polars as pl

_PATH_MAX: Final = 400
"""Characters of a path; a deeper one keeps its end, where the difference is."""
_ROUNDS_MAX: Final = 40
"""Doublings before a chain of parents must be a circle: 2^40 spans do not fit a machine."""


def parent_rows(spans: pl.DataFrame) -> pl.Series:
    """For each span the row of its parent in the same trace, or of the root that stands in for it; null for a root."""
    rows = spans.select("trace_id", "span_id", "parent_span_id").with_row_index("row")
    joined = rows.join(
        rows.select("trace_id", pl.col("span_id").alias("parent_span_id"), pl.col("row").alias("parent")),
        on=["trace_id", "parent_span_id"],
        how="left",
        maintain_order="left",
    )
    lost = pl.col("parent").is_null() & pl.col("parent_span_id").is_not_null()
    adopted = joined.join(_only_roots(rows), on="trace_id", how="left", maintain_order="left")
    return _without_circles(adopted.select(pl.when(lost).then("root").otherwise("parent").alias("parent"))["parent"])


def _only_roots(rows: pl.DataFrame) -> pl.DataFrame:
    roots = rows.filter(pl.col("parent_span_id").is_null()).group_by("trace_id").agg("row")
    return roots.filter(pl.col("row").list.len() == 1).select("trace_id", pl.col("row").list.first().alias("root"))


def nearest(parents: pl.Series, *, kept: pl.Series) -> pl.Series:
    """For each row the nearest ancestor, itself excluded, for which `kept` is true; null where there is none."""
    rows = pl.int_range(len(parents), dtype=pl.UInt32, eager=True)
    pointer = parents.zip_with(~kept, rows)  # a kept row points at itself, another at its parent
    return _settle(pointer).gather(parents)


def topmost(parents: pl.Series) -> pl.Series:
    """For each row the end of its chain of parents: itself where it has none."""
    rows = pl.int_range(len(parents), dtype=pl.UInt32, eager=True)
    return _settle(parents.fill_null(rows))


def depths(parents: pl.Series) -> pl.Series:
    """Ancestors of each row."""
    jump, depth = parents, parents.is_not_null().cast(pl.UInt32)
    for _ in range(_ROUNDS_MAX):
        if jump.null_count() == len(jump):
            break
        depth = depth + depth.gather(jump).fill_null(0)
        jump = jump.gather(jump)
    return depth


def has_descendant(parents: pl.Series, marked: pl.Series) -> pl.Series:
    """Whether any row strictly below is marked. After k rounds every ancestor within 2^k generations knows."""
    found = pl.zeros(len(parents), dtype=pl.UInt8, eager=True).scatter(parents.filter(marked).drop_nulls(), 1)
    jump = parents
    for _ in range(_ROUNDS_MAX):
        if jump.null_count() == len(jump):
            break
        found = found.scatter(jump.filter(found == 1).drop_nulls(), 1)
        jump = jump.gather(jump)
    return found == 1


def within(parents: pl.Series, start: pl.Series, end: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Start and end of each row, cut to those of every row above it; a null there cuts nothing."""
    frame = pl.DataFrame({"jump": parents, "start": start, "end": end})
    for _ in range(_ROUNDS_MAX):
        if frame["jump"].null_count() == frame.height:
            break
        frame = frame.select(
            pl.col("jump").gather("jump"),
            pl.max_horizontal("start", pl.col("start").gather("jump")),
            pl.min_horizontal("end", pl.col("end").gather("jump")),
        )
    return frame["start"], frame["end"]


def paths(steps: pl.DataFrame) -> pl.DataFrame:
    """`depth`, `path` (names from the root) and `agent` (own, else inherited) of columns parent, name, agent."""
    frame = steps.select(
        pl.col("parent").alias("jump"),
        pl.col("parent").is_not_null().cast(pl.UInt32).alias("depth"),
        pl.col("name").alias("path"),
        "agent",
    )
    for _ in range(_ROUNDS_MAX):
        if frame["jump"].null_count() == frame.height:
            break
        frame = frame.select(
            pl.col("jump").gather("jump"),
            pl.col("depth") + pl.col("depth").gather("jump").fill_null(0),
            pl.coalesce(pl.col("path").str.tail(_PATH_MAX).gather("jump") + "/" + pl.col("path"), "path").alias("path"),
            pl.coalesce("agent", pl.col("agent").gather("jump")),
        )
    return frame.select("depth", pl.col("path").str.tail(_PATH_MAX), "agent")


def _settle(pointer: pl.Series) -> pl.Series:
    """Follows pointers to their fixed points. Null pointers stay null."""
    for _ in range(_ROUNDS_MAX):
        further = pointer.gather(pointer)
        if further.equals(pointer):
            break
        pointer = further
    return pointer


def _without_circles(parents: pl.Series) -> pl.Series:
    end = topmost(parents)
    circling = parents.gather(end).is_not_null()
    return parents.set(circling, None) if circling.any() else parents
