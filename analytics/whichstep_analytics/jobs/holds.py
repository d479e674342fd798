"""Actions that were held for a person though no span says so by itself: what the trace as a whole shows.

A call that runs again under the same call id in a later trace was stopped the first time. A call that a convention
only suspects of being held was not, if the model went on in the same trace. An approval inside a tool call is the gate
of that call: it comes before it, and the call starts when it is given; where it was only asked for, the call stopped.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs import derived, tree

_HELD: Final = ("interrupt", "approval")
_BY_CALL: Final = ["execution_id", "tool_call_id"]
_ASKED_WITH: Final = ("arguments", "arguments_digest")
_CALL: Final = pl.col("type") == "tool_call"


def notice(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans with what they show together of held actions."""
    spans = _without_mistaken(spans)
    if spans["execution_id"].n_unique() < spans["trace_id"].n_unique():
        spans = _with_asked_before(_with_repeated(_with_resumed(spans)))
    return _with_gates(_with_stopped(spans))


def _without_mistaken(spans: pl.DataFrame) -> pl.DataFrame:
    suspected = (
        pl.col("control_flow").is_in(_HELD) & pl.col("flags").list.contains("guessed") & ~pl.col("synthetic")
    ).fill_null(value=False)
    if not spans.select(suspected.any()).item():
        return spans
    asked_at = pl.col("started_at").filter(pl.col("type") == "llm_call").max().over("trace_id")
    went_on = suspected & (asked_at > pl.col("started_at")).fill_null(value=False)
    return spans.with_columns(
        pl.when(went_on).then(None).otherwise("control_flow").alias("control_flow"),
        pl.when(went_on & (pl.col("type") == "approval")).then(pl.lit("tool_call")).otherwise("type").alias("type"),
        pl.when(went_on).then(pl.col("flags").list.set_difference(["guessed"])).otherwise("flags").alias("flags"),
    )


def _with_resumed(spans: pl.DataFrame) -> pl.DataFrame:
    known = _CALL & pl.col("tool_call_id").is_not_null() & ~pl.col("synthetic")
    runs = spans.filter(known).sort("started_at", "trace_id").group_by(*_BY_CALL, maintain_order=True)
    last = runs.agg(
        pl.col("trace_id").n_unique().alias("traces"),
        pl.col("trace_id").last().alias("last_trace"),
        *(pl.col(name).last().alias(f"last_{name}") for name in _ASKED_WITH),
    )
    again = last.filter(pl.col("traces") > 1).drop("traces")
    if again.is_empty():
        return spans
    stopped = known & (pl.col("trace_id") != pl.col("last_trace")).fill_null(value=False)
    return (
        spans.join(again, on=_BY_CALL, how="left", maintain_order="left")
        .with_columns(
            pl.when(stopped).then(pl.lit("approval")).otherwise("control_flow").alias("control_flow"),
            pl.when(stopped).then(pl.lit("approval")).otherwise("type").alias("type"),
            *(pl.when(stopped).then(f"last_{name}").otherwise(name).alias(name) for name in _ASKED_WITH),
            error=pl.col("error") & ~stopped,
        )
        .select(spans.columns)
    )


def _with_repeated(spans: pl.DataFrame) -> pl.DataFrame:
    """A call that ended without a word and is made again, alike, in a later trace was held."""
    action = ["execution_id", "tool", "arguments_digest"]
    calls = _CALL & ~pl.col("synthetic") & pl.col("arguments_digest").is_not_null()
    last = (
        spans.filter(calls)
        .group_by(action)
        .agg(
            pl.col("started_at").max().alias("last_at"),
            pl.col("trace_id").sort_by("started_at").last().alias("last_trace"),
        )
    )
    silent = calls & pl.col("result").is_null() & ~pl.col("error") & pl.col("control_flow").is_null()
    held = silent & (pl.col("last_at") > pl.col("started_at")) & (pl.col("last_trace") != pl.col("trace_id"))
    last_of_trace = pl.col("started_at").filter(pl.col("type").is_in(("tool_call", "llm_call"))).max().over("trace_id")
    held = (held & (pl.col("started_at") == last_of_trace)).fill_null(value=False)
    return (
        spans.join(last, on=action, how="left", maintain_order="left")
        .with_columns(
            pl.when(held).then(pl.lit("approval")).otherwise("control_flow").alias("control_flow"),
            pl.when(held).then(pl.lit("approval")).otherwise("type").alias("type"),
        )
        .select(spans.columns)
    )


def _with_asked_before(spans: pl.DataFrame) -> pl.DataFrame:
    """A call that an agent asked for in one trace and that ran in a later one was held in between."""
    calls = spans.filter(_CALL & pl.col("tool_call_id").is_not_null() & ~pl.col("flags").list.contains("derived"))
    ran = calls.select(
        "execution_id",
        pl.col("tool_call_id").alias("call_id"),
        pl.col("trace_id").alias("ran_in"),
        *(pl.col(name).alias(f"with_{name}") for name in _ASKED_WITH),
    ).unique(["execution_id", "call_id"], keep="any")
    known = spans.filter(pl.col("type") == "approval").select(
        "execution_id", pl.coalesce("tool", "step_name").alias("name")
    )
    agents = spans.filter(pl.col("type").is_in(("agent", "workflow"))).select("trace_id").unique()
    held = (
        derived.asks(spans)
        .join(ran, on=["execution_id", "call_id"])
        .filter(pl.col("ran_in") != pl.col("trace_id"))
        .join(known, on=["execution_id", "name"], how="anti")
        .join(agents, on="trace_id", how="semi")
    )
    if held.is_empty():
        return spans
    found = derived.rows(spans, held, kind="approval", control_flow="approval").with_columns(
        *(held[f"with_{name}"].alias(name) for name in _ASKED_WITH), pl.lit(None, pl.Datetime("ns")).alias("ended_at")
    )
    return pl.concat([spans, found]).sort("execution_id", "started_at", "trace_id", "span_id")


def _with_stopped(spans: pl.DataFrame) -> pl.DataFrame:
    """A call inside of which its own approval was only asked for was stopped there, whatever its span says."""
    asked = (spans["type"] == "approval") & spans["control_flow"].is_in(_HELD) & ~spans["synthetic"]
    if not asked.any():
        return spans
    above = tree.nearest(tree.parent_rows(spans), kept=spans["type"] != "none")
    is_call = (spans["type"].gather(above) == "tool_call") & (spans["merge_key"].gather(above) == spans["merge_key"])
    stopped = above.filter((asked & is_call).fill_null(value=False))
    if stopped.is_empty():
        return spans
    held = pl.int_range(pl.len()).is_in(stopped.implode())
    return spans.with_columns(
        pl.when(held).then(pl.lit("approval")).otherwise(name).alias(name) for name in ("type", "control_flow")
    )


def _with_gates(spans: pl.DataFrame) -> pl.DataFrame:
    asking = (spans["type"] == "approval") & spans["ended_at"].is_not_null()
    if not asking.any():
        return spans
    parents = tree.parent_rows(spans)
    gated = tree.nearest(parents, kept=spans["type"] != "none")
    is_gate = asking & (spans["type"].gather(gated) == "tool_call").fill_null(value=False)
    if not is_gate.any():
        return spans
    opened = pl.DataFrame({"row": gated.filter(is_gate), "opened_at": spans["ended_at"].filter(is_gate)})
    opened = opened.group_by("row").agg(pl.col("opened_at").max())
    above = spans.select("tool", "arguments_digest", "parent_span_id", "step_name")[gated]
    gate = pl.lit(is_gate)
    return (
        spans.with_row_index("row")
        .join(opened, on="row", how="left", maintain_order="left")
        .with_columns(
            pl.when(gate).then(pl.lit("approval")).otherwise("control_flow").alias("control_flow"),
            pl.coalesce("opened_at", "started_at").alias("started_at"),
            *(
                pl.when(gate).then(pl.lit(above[name])).otherwise(name).alias(name)
                for name in ("tool", "arguments_digest", "parent_span_id", "step_name")
            ),
        )
        .drop("row", "opened_at")
        .sort("execution_id", "started_at", "trace_id", "span_id")
    )
