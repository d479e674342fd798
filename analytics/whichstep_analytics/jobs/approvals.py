"""Actions that were stopped to ask a person: still waiting, approved, or refused.

A held action shows as a step of type `approval` that lasts until the action runs again. The run that follows is the
action itself, not a retry; where its result only says that the person refused, the action never ran and the two are
one refused step. A refusal read from words is flagged `guessed`. Of requests to our own sidecar the ledger knows.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs.frames import shaped
from whichstep_analytics.jobs.merging import Forest
from whichstep_analytics.jobs.trace_executions import HELD

_REFUSAL: Final = (
    r"(?i)\b(reject(ed|ion)?|refused|denied|declined|disapproved|not (been )?(approved|confirmed|granted))\b"
    r"|; it did not run"  # as every refusal of our own gate ends, which frameworks tell as a result
)
_RETURNED_ERROR: Final = "TOOL_ERROR"
"""What Google's ADK calls an error that a tool did not raise: so ends a refusal, whose words need not be sent."""
_DECIDED: Final = "ApprovalRejected"
"""The error type of a gate whose own word is that the person refused: the call that it gates did not run."""
_BY_STATE: Final = {
    "pending": "pending_approval", "approved": "ok", "edited": "ok", "consumed": "ok",
    "rejected": "rejected", "expired": "expired", "cancelled": "cancelled",
}  # fmt: skip
_REFUSAL_WITHIN: Final = 300
"""Characters of a result that are searched: an answer that is a refusal says so early."""


def held_actions(spans: pl.DataFrame, found: Forest) -> pl.DataFrame:
    """One row per held action: row, resumed (row of the run that followed, null), resumed_at, refused, went_on."""
    held = (
        spans.lazy()
        .select("execution_id", "type", "tool", "step_name", "arguments_digest", "started_at", "control_flow",
                "error", "error_type", "result", "output", "error_message")
        .with_columns(found.step.alias("row"), pl.coalesce("tool", "step_name").alias("action"))
        .with_row_index("span_row")
        .filter((pl.col("span_row") == pl.col("row")) & pl.col("type").is_in(("tool_call", "llm_call", "approval")))
        .collect()
    )  # fmt: skip
    stops = held.filter(pl.col("control_flow").is_in(HELD) & (pl.col("type") != "llm_call"))
    if stops.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    executions = held.join(stops.select("execution_id").unique(), on="execution_id", how="semi")
    return _settled(stops, executions)


def _settled(stops: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    words = [pl.col(name).str.head(_REFUSAL_WITHIN) for name in ("error_message", "result", "output")]
    said = pl.concat_str(words, separator="\n", ignore_nulls=True)
    refused = said.str.contains(_REFUSAL) | (said == _RETURNED_ERROR)
    stop = stops.select(
        "row", "execution_id", "action", "arguments_digest", pl.col("started_at").alias("stopped_at"),
        pl.col("error_type").eq_missing(_DECIDED).alias("decided"),
    )  # fmt: skip
    runs = actions.filter(pl.col("type") != "llm_call").select(
        "execution_id", "action", "arguments_digest", "started_at",
        pl.col("row").alias("resumed"),
        (refused & pl.col("control_flow").is_null()).fill_null(value=False).alias("refused"),
    )  # fmt: skip
    asked = (
        actions.filter(pl.col("type") == "llm_call").group_by("execution_id").agg(asked_at=pl.col("started_at").max())
    )
    went_on = (pl.col("asked_at") > pl.col("stopped_at")).fill_null(value=False)
    after = stop.join(asked, on="execution_id", how="left").select("row", went_on.alias("went_on"))
    resumed = (
        stop.join(runs, on=["execution_id", "action", "arguments_digest"], nulls_equal=True)
        .filter(pl.col("started_at") > pl.col("stopped_at"))
        .sort("row", "started_at", "resumed")
        .unique("row", keep="first", maintain_order=True)
        .select("row", "resumed", pl.col("started_at").alias("resumed_at"), pl.col("refused") | pl.col("decided"))
    )
    return after.join(resumed, on="row", how="left").pipe(shaped, _SCHEMA)


_SCHEMA: Final = pl.Schema(
    {
        "row": pl.UInt32(),
        "resumed": pl.UInt32(),
        "resumed_at": pl.Datetime("ns"),
        "refused": pl.Boolean(),
        "went_on": pl.Boolean(),
    }
)


def settled_by_ledger(steps: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Adds `ledger_status`, and the end, of requests whose agent did not see the decision.

    It stopped, or went on elsewhere. The ledger's word goes before what a later run tells. `asked`: APPROVAL_FIELDS.
    """
    unseen = (pl.col("type") == "approval") & (pl.col("held") | pl.col("pending") | pl.col("ended_at").is_null())
    if asked.is_empty() or not steps.select(unseen.any()).item():
        return steps.with_columns(pl.lit(None, pl.String).alias("ledger_status"))
    known = asked.select(
        "approval_id", pl.col("state").replace_strict(_BY_STATE, default=None).alias("by_ledger"), "settled_at"
    ).unique("approval_id", keep="any")
    joined = steps.join(known, on="approval_id", how="left", maintain_order="left")
    told = unseen & pl.col("by_ledger").is_not_null()
    return joined.with_columns(
        pl.when(told).then("by_ledger").alias("ledger_status"),
        pl.when(told).then("settled_at").otherwise("ended_at").alias("ended_at"),
    ).drop("by_ledger", "settled_at")


def join_refused(found: Forest, held: pl.DataFrame) -> Forest:
    """The forest where a run that only reports the refusal is part of the held step."""
    refused = held.filter(pl.col("refused"))
    if refused.is_empty():
        return found
    runs, stops = refused["resumed"], refused["row"]
    return found._replace(step=found.step.replace(runs, stops), parent=found.parent.replace(runs, stops))
