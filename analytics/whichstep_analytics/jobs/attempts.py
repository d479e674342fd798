"""Which step repeats a failed action, which error was recovered, and which model call asked for a step.

Both functions expect steps in order of position within each execution, with a row index `at`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

ASKED_FOR: Final = ("tool_call", "retrieval", "handoff", "approval")
_REPEATED: Final = (
    "tool_call", "retrieval", "handoff", "llm_call", "embedding", "rerank", "guardrail", "agent", "workflow", "other",
)  # fmt: skip


def repeats(steps: pl.DataFrame) -> pl.DataFrame:
    """Adds `attempt`, `recovered` and `corrected` (repeats a failed action with other arguments).

    Attempt n+1 is the same action (type, name, digest of the arguments or input) right after its attempt n failed. An
    error is recovered when the same tool, whatever its arguments, or a model call of the same agent succeeds later.
    """
    failed = steps.filter(pl.col("status") == "error")
    if failed.is_empty():
        return steps.with_columns(
            pl.lit(1, pl.Int32).alias("attempt"),
            pl.lit(value=False).alias("recovered"),
            pl.lit(value=False).alias("corrected"),
        )
    related = _actions(steps.join(failed.select("execution_id").unique(), on="execution_id", how="semi"))
    numbered = _numbered(related)
    return steps.join(numbered, on="at", how="left", maintain_order="left").with_columns(
        pl.col("attempt").fill_null(1),
        pl.col("recovered").fill_null(value=False),
        pl.col("corrected").fill_null(value=False),
    )


def _actions(steps: pl.DataFrame) -> pl.DataFrame:
    """The steps that can be repeated, with `action` (what is tried) and `request` (with which arguments)."""
    is_call = (pl.col("type") == "llm_call") | pl.col("wrapper")
    # a model call whose input is unknown repeats nothing
    input_known = pl.coalesce("input_digest", pl.col("at").cast(pl.String))
    arguments = pl.coalesce("arguments_digest", "query", pl.lit(""))
    return steps.filter(pl.col("type").is_in(_REPEATED)).select(
        *("at", "execution_id", "type", "started_at", "ended_at", "status"),
        is_call.alias("is_call"),
        pl.when(is_call).then(pl.coalesce("agent", pl.lit(""))).otherwise(pl.coalesce("tool", "name")).alias("action"),
        pl.when(is_call).then(input_known).otherwise(arguments).alias("request"),
    )


def _numbered(actions: pl.DataFrame) -> pl.DataFrame:
    error = pl.col("status") == "error"
    done = pl.col("status") == "ok"
    actions = actions.sort("execution_id", "type", "action", "at").with_columns(
        pl.struct("execution_id", "type", "action").rle_id().alias("same_action")
    )
    actions = actions.filter(error.any().over("same_action"))
    same_request, same_action = ["same_action", "request"], "same_action"
    failures = error.cast(pl.Int32).cum_sum()
    forgotten = pl.when(~error).then(failures).forward_fill().fill_null(0)
    last_success = pl.col("started_at").filter(done).max()
    return actions.with_columns(
        (1 + (failures - forgotten).shift(1, fill_value=0)).over(same_request).cast(pl.Int32).alias("attempt"),
        (error & (last_success.over(same_action) >= pl.coalesce("ended_at", "started_at"))).alias("recovered"),
        pl.col("request").shift(1).over(same_action).alias("request_before"),
        error.shift(1).over(same_action).alias("failed_before"),
    ).select(
        "at",
        "attempt",
        pl.col("recovered").fill_null(value=False),
        (pl.col("failed_before") & pl.col("request_before").ne_missing(pl.col("request"))
         & ~pl.col("is_call")).fill_null(value=False).alias("corrected"),
    )  # fmt: skip


def requested_by(steps: pl.DataFrame) -> pl.Series:
    """For each row the step id of the model call that asked for it: by call id, else by name."""
    asks = (
        steps.lazy()
        .filter(pl.col("asked_tools").list.len() > 0)
        .select("execution_id", "step_id", "at", tool="asked_tools", call_id="asked_call_ids")
        .explode("tool", "call_id")
        .collect()
    )
    if asks.is_empty():
        return pl.Series("requested_by", [None], pl.UInt64).new_from_index(0, steps.height)
    wanted = steps.filter(pl.col("type").is_in(ASKED_FOR)).select(
        "execution_id", "at", call_id="tool_call_id", tool=pl.coalesce("tool", "name")
    )
    nobody = pl.Series("requested_by", [None], pl.UInt64).new_from_index(0, steps.height)
    by_call = _latest(wanted, asks.filter(pl.col("call_id") != ""), "call_id")
    unclaimed = wanted.filter(by_call.is_null())  # by name only those whose call id nobody gave
    by_name = _latest(unclaimed, asks, "tool")
    return nobody.scatter(wanted["at"], by_call).scatter(unclaimed["at"], by_name)


def _latest(wanted: pl.DataFrame, asks: pl.DataFrame, key: str) -> pl.Series:
    joined = wanted.join_asof(
        asks.select("execution_id", "at", key, "step_id"),
        on="at",
        by=["execution_id", key],
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return joined["step_id"]
