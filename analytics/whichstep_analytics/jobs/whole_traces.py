"""Records of whole traces, as tools keep them beside the spans: the name, session, user, input and output of a run.

Such a record (flag `whole_trace`) may come before its spans, after them or without them, and tells no place among them.
Beside one root it is that root seen twice, or where that is no agent nothing but facts; it stands above several roots;
alone it is a step. Its facts hold for the whole trace, its times are those of the spans.
"""

from __future__ import annotations

from typing import Final

import polars as pl

FLAG: Final = "whole_trace"
_FACTS: Final = ("session_id", "user_id", "task_type", "workflow", "release", "environment", "metadata")
"""Where a span and the record tell different ones, the record is right."""
_WORDS: Final = ("input", "input_digest", "user_message", "output")
"""Where a root has its own, they are right."""
_OF_ROOT: Final = ("span_id", "type", "merge_key", "service", *_WORDS)


def settle(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans with each record in its place; as they are where there is none."""
    is_record = pl.col("flags").list.contains(FLAG)
    if not spans.select(is_record.any()).item():
        return spans
    told = _told(spans.filter(is_record), spans.filter(~is_record))
    roots = pl.col("roots").fill_null(0)
    one, several = is_record & (roots == 1), is_record & (roots > 1)
    is_root = ~is_record & pl.col("is_root").fill_null(value=False)
    spoken = pl.col("root_type").is_in(("agent", "workflow"))
    found = spans.join(told, on="trace_id", how="left", maintain_order="left")
    found = found.join(_roots(spans.filter(~is_record)), on=["trace_id", "span_id"], how="left", maintain_order="left")
    return found.with_columns(
        *(pl.coalesce(f"record_{name}", name).alias(name) for name in _FACTS),
        *(pl.when(~one | pl.col(f"root_{name}").is_null()).then(name).alias(name) for name in _WORDS),
        pl.when(one).then("root_span_id")
        .when(is_root & (roots > 1)).then("record_span_id")
        .otherwise("parent_span_id").alias("parent_span_id"),
        pl.when(one & spoken).then("root_type").when(one).then(pl.lit("none")).otherwise("type").alias("type"),
        pl.when((one | is_root) & (roots == 1)).then(pl.coalesce("root_merge_key", pl.lit(FLAG)))
        .otherwise("merge_key").alias("merge_key"),
        pl.when(one | several).then("root_service").otherwise("service").alias("service"),
        pl.when(one | several).then("first_started_at").otherwise("started_at").alias("started_at"),
        pl.when(one | several).then("last_ended_at").otherwise("ended_at").alias("ended_at"),
        pl.when(~(one | several)).then("step_index").alias("step_index"),
    ).select(spans.columns)  # fmt: skip


def _told(records: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """One row per trace that has a record: what it tells, its first root, and the time of its spans."""
    of_record = records.sort("span_id").group_by("trace_id", maintain_order=True).agg(
        *(pl.col(name).first().alias(f"record_{name}") for name in ("span_id", *_FACTS))
    )  # fmt: skip
    roots = others.join(_roots(others), on=["trace_id", "span_id"], how="semi").sort("started_at", "span_id")
    ended = pl.when(pl.col("ended_at").is_not_null().all()).then(pl.col("ended_at").max())
    of_roots = roots.group_by("trace_id", maintain_order=True).agg(
        pl.len().alias("roots"),
        ended.alias("last_ended_at"),
        *(pl.col(name).first().alias(f"root_{name}") for name in _OF_ROOT),
    )
    times = others.group_by("trace_id").agg(pl.col("started_at").min().alias("first_started_at"))
    return of_record.join(of_roots, on="trace_id", how="left").join(times, on="trace_id", how="left")


def _roots(others: pl.DataFrame) -> pl.DataFrame:
    """trace_id, span_id and `is_root` of the spans whose parent is not among them."""
    parents = others.select("trace_id", pl.col("span_id").alias("parent_span_id"))
    roots = others.select("trace_id", "span_id", "parent_span_id").join(
        parents, on=["trace_id", "parent_span_id"], how="anti"
    )
    return roots.select("trace_id", "span_id", pl.lit(value=True).alias("is_root"))
