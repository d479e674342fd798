"""What messages tell of tools: completes the spans of tools that say less, and stands for those that were never sent.

Rows told by messages are `synthetic`. One that tells of a tool whose span is here gives that span what it lacks. In an
execution without any tool span of its own the others are steps, flagged `derived`, between the call that asked and the
call that was answered. Everything else told is dropped: what was sent is believed, and nothing is shown twice.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs import derived, handoffs, told_by_agents

ACTIONS: Final = ("tool_call", "retrieval", "handoff", "approval")
_COMPLETED: Final = ("arguments", "result", "arguments_digest", "document_count", "query", "sources")
_ERROR: Final = ("error", "error_type", "error_message", "error_guessed")
_NAMES: Final = ("tool", "step_name", "merge_key")
_ARGUMENTS: Final = ("arguments", "arguments_digest")
_ALIKE: Final = ["execution_id", "trace_id", "tool", "arguments_digest"]
_ANSWERED: Final = pl.col("ended_at").is_not_null()
_BY_CALL: Final = ["execution_id", "tool_call_id"]


def settle(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans with `also` (ids of rows whose texts complete a row), without the rows that tell nothing new."""
    spans = spans.with_columns(pl.lit([], pl.List(pl.UInt64)).alias("also"))
    if not spans["synthetic"].any():
        return spans
    rows = spans.with_row_index("row")
    told = rows.filter(pl.col("synthetic") & pl.col("type").is_in(ACTIONS))
    if told.is_empty():
        return spans
    sent = rows.filter(~pl.col("synthetic") & pl.col("type").is_in(ACTIONS))
    asked = derived.asks(spans)
    asks = asked.filter(pl.col("call_id") != "").select(
        "execution_id", "asked_at", "place", asked_name="name", tool_call_id="call_id"
    )
    answers = _answers(told_by_agents.placed(told, rows, asked), asks)
    matched = _matched(answers, sent)
    rest = answers.filter(_ANSWERED).join(matched, on="row", how="anti")
    kept = pl.concat([_derived(rest, sent, rows), _approvals(told, asks, sent)], how="vertical_relaxed")
    spans = _completed(rows, matched, answers).join(told.select("row"), on="row", how="anti")
    found = pl.concat([spans, kept.select(spans.columns)], how="vertical_relaxed")
    return found.sort("execution_id", "started_at", "trace_id", "span_id").drop("row")


def _answers(told: pl.DataFrame, asks: pl.DataFrame) -> pl.DataFrame:
    """Calls, answered or not, each once, with the name and the arguments that they were asked with."""
    calls = told.filter(pl.col("control_flow").is_null())
    wanted = (
        calls.filter(pl.col("arguments").is_not_null())
        .select(
            *_BY_CALL, pl.col("arguments").alias("asked_arguments"), pl.col("arguments_digest").alias("asked_digest")
        )
        .unique(_BY_CALL, keep="any")
    )
    calls = calls.sort(~_ANSWERED, "started_at", "trace_id", "span_id")
    known = pl.col("tool_call_id").is_not_null()
    once = pl.concat(
        [
            calls.filter(known).unique(_BY_CALL, keep="first", maintain_order=True),
            calls.filter(_ANSWERED & ~known),
        ]
    )
    return (
        once.join(asks, on=_BY_CALL, how="left")
        .join(wanted, on=_BY_CALL, how="left")
        .with_columns(pl.coalesce("asked_at", "agent_asked_at"), pl.coalesce("place", "agent_place"))
        .with_columns(
            pl.coalesce("tool", "asked_name").alias("tool"),
            pl.coalesce("arguments", "asked_arguments").alias("arguments"),
            pl.coalesce("arguments_digest", "asked_digest").alias("arguments_digest"),
        )
        .with_columns(
            pl.coalesce("tool", "step_name").alias("step_name"),
            pl.coalesce("tool", "merge_key").alias("merge_key"),
            pl.when(pl.col("tool").str.contains(handoffs.HANDS_OVER))
            .then(pl.lit("handoff"))
            .otherwise("type")
            .alias("type"),
        )
    )


def _matched(answers: pl.DataFrame, sent: pl.DataFrame) -> pl.DataFrame:
    """Columns row and sent_row of answers whose tool has a span: by call id, else the latest before it of that name.

    Several answers for one span cannot be told apart and match nothing; nor does a span with other arguments.
    """
    by_id = answers.select(*_BY_CALL, "row").join(
        sent.select(*_BY_CALL, "started_at", pl.col("row").alias("sent_row")), on=_BY_CALL
    )
    by_id = by_id.sort("started_at", "sent_row").unique("row", keep="last", maintain_order=True)
    others = answers.filter(_ANSWERED).join(by_id, on="row", how="anti")
    others = others.select("execution_id", "tool", "started_at", "row", "arguments_digest")
    nameless = sent.join(by_id, left_on="row", right_on="sent_row", how="anti").select(
        "execution_id", pl.coalesce("tool", "step_name").alias("tool"), "started_at", pl.col("row").alias("sent_row"),
        sent_digest="arguments_digest",
    )  # fmt: skip
    by_name = (
        others.sort("started_at")
        .join_asof(
            nameless.sort("started_at"),
            on="started_at",
            by=["execution_id", "tool"],
            check_sortedness=False,
        )
        .filter(pl.col("sent_row").is_not_null())
        .filter((pl.col("arguments_digest") == pl.col("sent_digest")).fill_null(value=True))
        .filter(~pl.col("sent_row").is_duplicated())
    )
    return pl.concat([by_id.select("row", "sent_row"), by_name.select("row", "sent_row")])


def _completed(rows: pl.DataFrame, matched: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """The rows, where spans of tools have what messages say of them and they do not."""
    extra = (
        matched.join(answers, on="row")
        .select(
            pl.col("sent_row").alias("row"),
            pl.col("span_id").alias("told_id"),
            *(pl.col(name).alias(f"told_{name}") for name in (*_COMPLETED, *_ERROR)),
        )
        .unique("row", keep="first", maintain_order=True)
    )
    joined = rows.join(extra, on="row", how="left", maintain_order="left")
    silent = ~pl.col("error") & pl.col("result").is_null() & pl.col("told_error").fill_null(value=False)
    return joined.with_columns(
        *(pl.coalesce(name, f"told_{name}").alias(name) for name in _COMPLETED),
        *(pl.when(silent).then(f"told_{name}").otherwise(name).alias(name) for name in _ERROR),
        pl.when(pl.col("told_id").is_not_null()).then(pl.concat_list("told_id")).otherwise("also").alias("also"),
    ).select(rows.columns)


def _derived(answers: pl.DataFrame, sent: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Steps for tools that have no span, in executions that have no spans of tools at all; hosted tools always."""
    ran = sent.filter(pl.col("type") == "tool_call")["execution_id"].unique()
    seen = answers["execution_id"].is_in(ran.implode())
    hosted = pl.col("flags").list.contains("derived")
    handed = sent.filter(pl.col("type") == "handoff")["execution_id"].unique()
    unseen_handoff = (pl.col("type") == "handoff") & ~pl.col("execution_id").is_in(handed.implode())
    steps = answers.filter(hosted | ~pl.lit(seen) | unseen_handoff).filter(pl.col("tool").is_not_null())
    calls = rows.select("trace_id", pl.col("span_id").alias("parent_span_id"), pl.col("parent_span_id").alias("above"))
    before_the_call = pl.col("started_at") - pl.duration(nanoseconds=1)
    at = pl.coalesce("asked_at", before_the_call) + pl.duration(nanoseconds=pl.col("place").fill_null(0))
    return (
        steps.join(
            calls.unique(["trace_id", "parent_span_id"], keep="any"), on=["trace_id", "parent_span_id"], how="left"
        )
        .with_columns(
            pl.when("by_agent").then("parent_span_id").otherwise("above").alias("parent_span_id"),
            pl.when(hosted).then("started_at").otherwise(at).alias("started_at"),
            pl.when(hosted).then("ended_at").otherwise(at).alias("ended_at"),
            pl.col("flags").list.concat(pl.lit(["derived"])).list.unique(maintain_order=True).alias("flags"),
        )
        .select(rows.columns)
    )


def _approvals(told: pl.DataFrame, asks: pl.DataFrame, sent: pl.DataFrame) -> pl.DataFrame:
    """Each approval that was asked for once, where it was asked; its arguments may be told by its call alone.

    One that has a span, of the framework or of our gate, is told by that.
    """
    asked = told.filter(pl.col("control_flow").is_not_null()).join(asks, on=_BY_CALL, how="left")
    named = pl.coalesce("asked_name", "tool")  # a framework may name what it asks, not whom
    asked = asked.with_columns(
        *(pl.when(pl.col("asked_name").is_null()).then(name).otherwise(named).alias(name) for name in _NAMES)
    ).sort("started_at", "trace_id", "span_id")
    ran = sent.filter(pl.col("arguments_digest").is_not_null()).unique(_BY_CALL, keep="any")
    asked = asked.join(ran.select(*_BY_CALL, *_ARGUMENTS), on=_BY_CALL, how="left", suffix="_ran").with_columns(
        pl.coalesce(name, f"{name}_ran").alias(name) for name in _ARGUMENTS
    )
    known = pl.col("tool_call_id").is_not_null()
    once = pl.concat(
        [
            asked.filter(known).unique([*_BY_CALL, "tool"], keep="first", maintain_order=True),
            asked.filter(~known).unique(_ALIKE, keep="first", maintain_order=True),
        ]
    )
    shown = sent.filter(pl.col("type") == "approval").with_columns(pl.coalesce("tool", "step_name").alias("tool"))
    for same in (_BY_CALL, ["execution_id", "tool", "arguments_digest"]):
        once = once.join(shown.select(same), on=same, how="anti", maintain_order="left")
    return once.with_columns(
        pl.coalesce("asked_at", "started_at").alias("started_at"),
        pl.col("flags").list.concat(pl.lit(["derived"])).list.unique(maintain_order=True).alias("flags"),
    ).select(told.columns)
