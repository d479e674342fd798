"""One row per execution from its spans and steps. Pure; `as_of` decides only what has been silent for too long."""

from __future__ import annotations

import hashlib
from typing import Final

import polars as pl

from whichstep_analytics.failure.locate import locate
from whichstep_analytics.jobs import outcome, timing
from whichstep_analytics.jobs.frames import schema_of, shaped
from whichstep_store.results import EXECUTION_FIELDS

EXECUTION_SCHEMA: Final = schema_of(EXECUTION_FIELDS)
ABANDONED_AFTER_NS: Final = 15 * 60 * 10**9
"""Silence after which an execution whose root never ended is given up: past the longest model call in common use."""
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_FIRST_KNOWN: Final = (
    "external_id", "task_id", "rerun_of", "session_id", "user_id", "task_type", "workflow", "release", "environment",
    "purpose", "metadata", "autonomy_level",
)  # fmt: skip
_AGENTS: Final = ("agent", "workflow")


def run(
    placed: pl.DataFrame,
    steps: pl.DataFrame,
    evaluations: pl.DataFrame,
    mapping: pl.DataFrame,
    *,
    as_of: int,
    result_version: int,
    neighbours: pl.DataFrame,
) -> pl.DataFrame:
    """EXECUTION_SCHEMA, one row per execution of `placed`, sorted by execution id. `as_of`: nanoseconds since epoch."""
    frame = _facts(placed).join(_of_steps(steps), on="execution_id")
    extras = (timing.waits(steps), outcome.stated(evaluations, mapping, placed), _configurations(placed), _wasted(steps))
    for extra in extras:
        frame = _beside(frame, extra)
    frame = _with_outcome(_with_status(frame, as_of), neighbours)
    traces = mapping.filter(pl.col("rule") != "setup").sort("started_at", "trace_id")
    traces = traces.group_by("execution_id", maintain_order=True).agg(pl.col("trace_id").alias("trace_ids"))
    failures = locate(steps, frame.select("execution_id", "status", "success"))
    frame = _beside(frame, failures).join(traces, on="execution_id")
    frame = _completed(frame, result_version).join(turns(frame, neighbours), on="execution_id", how="left")
    return shaped(frame, EXECUTION_SCHEMA).sort("execution_id")


def _beside(frame: pl.DataFrame, extra: pl.DataFrame) -> pl.DataFrame:
    """A left join by execution; most extras are empty, and nulls cost nothing."""
    if extra.is_empty():
        return frame.with_columns(
            pl.lit(None, kind).alias(name) for name, kind in extra.schema.items() if name != "execution_id"
        )
    return frame.join(extra, on="execution_id", how="left")


def _facts(placed: pl.DataFrame) -> pl.DataFrame:
    """What spans say of their execution. The first span in time that knows a fact gives it."""
    root = pl.col("parent_span_id").is_null()
    open_root = root & (pl.col("ended_at").is_null() | pl.col("pending"))
    known = [name for name in _FIRST_KNOWN if placed[name].null_count() < placed.height]
    return (
        placed.lazy()
        .group_by("execution_id", maintain_order=True)
        .agg(
            *(pl.col(name).drop_nulls().first() for name in known),
            pl.col("service").first(),
            pl.col("tags").explode(empty_as_null=True).drop_nulls().unique().sort()
            if (placed["tags"].list.len() > 0).any() else pl.col("tags").first(),
            pl.col("outcome_success").drop_nulls().last().alias("code"),
            pl.col("escalation").drop_nulls().first(),
            pl.col("started_at").first(),
            pl.col("ended_at").filter(root).max().alias("root_ended_at"),
            pl.col("ended_at").max().alias("last_ended_at"),
            root.any().alias("has_root"),
            (root.any() & ~open_root.any()).alias("root_ended"),
            pl.len().alias("span_count"),
            pl.col("received_at").max().alias("last_received_at"),
        )
        .with_columns(pl.lit(None, placed.schema[name]).alias(name) for name in _FIRST_KNOWN if name not in known)
        .collect()
    )  # fmt: skip


def _of_steps(steps: pl.DataFrame) -> pl.DataFrame:
    counted = pl.col("counted")
    top = pl.col("depth") == 0
    agents = pl.col("type").is_in(_AGENTS)
    is_error = pl.col("status") == "error"
    # a failed call that reports no usage was not billed; any other call without a cost leaves the sum unknown
    unspent = is_error & pl.col("input_tokens").is_null() & pl.col("output_tokens").is_null()
    unpriced = (counted & pl.col("cost_usd").is_null() & ~unspent & (pl.col("status") != "running")).sum()
    return (
        steps.lazy()
        .group_by("execution_id", maintain_order=True)
        .agg(
            pl.len().alias("step_count"),
            counted.sum().alias("llm_call_count"),
            (pl.col("type") == "tool_call").sum().alias("tool_call_count"),
            (pl.col("attempt") > 1).sum().alias("retry_count"),
            is_error.sum().alias("error_count"),
            unpriced.alias("unpriced_calls"),
            *(_sum_known(name, unknown=counted & ~is_error).alias(name) for name in _TOKENS[:2]),
            *(_sum_known(name, unknown=pl.lit(value=False)).alias(name) for name in _TOKENS[2:]),
            pl.when((unpriced == 0) & pl.col("cost_usd").is_not_null().any()).then(pl.col("cost_usd").sum()).alias("cost_usd"),
            pl.col("corrected").any(),
            (pl.col("status") == "pending_approval").any().alias("waiting"),
            ((pl.col("status") == "rejected") & ~pl.col("flags").list.contains("guessed")).any().alias("refused"),
            (pl.col("status") == "rejected").any().alias("said_refused"),
            ((pl.col("type") == "approval") | pl.col("approval_id").is_not_null()).any().alias("asked_person"),
            _ended_in_error(top, agents).alias("in_error"),
            (top & agents & pl.col("ended_at").is_null()).any().alias("agent_open"),
            (top & agents).any().alias("has_agent"),
            pl.coalesce(_first("input", top & agents), _first("input", agents), pl.col("user_message").drop_nulls().first(),
                        pl.col("input").drop_nulls().first()).alias("input"),
            _last("output", top & agents).alias("root_output"),
            pl.coalesce(
                _last("output", agents & (pl.col("depth") == pl.col("depth").filter(agents).min())),
                _last("output", (pl.col("type") == "llm_call") & (pl.col("asked_tools").list.len() == 0)),
            ).alias("answer"),
            pl.coalesce(_first("agent", top), _first("agent", pl.col("type") == "agent"), pl.col("agent").drop_nulls().first()).alias("agent"),
            pl.col("name").filter(top & (pl.col("type") == "workflow")).first().alias("workflow_step"),
        )
        .collect()
    )  # fmt: skip


def _first(column: str, where: pl.Expr) -> pl.Expr:
    return pl.col(column).filter(where).drop_nulls().first()


def _last(column: str, where: pl.Expr) -> pl.Expr:
    return pl.col(column).filter(where).drop_nulls().last()


def _sum_known(column: str, *, unknown: pl.Expr) -> pl.Expr:
    """The sum, or null where nothing is known or one of the calls that must count is not."""
    incomplete = (unknown & pl.col(column).is_null()).any()
    return pl.when(~incomplete & pl.col(column).is_not_null().any()).then(pl.col(column).sum()).alias(column)


def _ended_in_error(top: pl.Expr, agents: pl.Expr) -> pl.Expr:
    """Whether a root step or an agent failed and nothing worked after it: the worst of them, not the root alone."""
    failed_at = pl.coalesce("ended_at", "started_at").filter(
        (top | agents) & (pl.col("status") == "error") & ~pl.col("recovered")
    )
    worked_at = pl.col("started_at").filter((pl.col("status") == "ok") & (pl.col("type") != "workflow"))
    return (failed_at.max().is_not_null() & (worked_at.max() < failed_at.max()).fill_null(value=True)).alias("in_error")


def _with_status(frame: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """Adds status and ended_at. A root that is lost or far away is given up after the deadline: its agents speak then."""
    silent = pl.col("last_received_at").cast(pl.Int64) < as_of - ABANDONED_AFTER_NS
    agents_ended = ~pl.col("has_root") & silent & pl.col("has_agent") & ~pl.col("agent_open")
    ended = pl.col("root_ended") | agents_ended
    status = (
        pl.when(pl.col("waiting")).then(pl.lit("waiting"))
        .when(ended & pl.col("in_error")).then(pl.lit("error"))
        .when(ended).then(pl.lit("ok"))
        .when(silent).then(pl.lit("abandoned"))
        .otherwise(pl.lit("running"))
    )  # fmt: skip
    ended_at = pl.when(~pl.col("waiting") & ended).then(pl.coalesce("root_ended_at", "last_ended_at"))
    return frame.with_columns(status.alias("status"), ended_at.alias("ended_at"), ended.alias("root_ended"))


def _with_outcome(frame: pl.DataFrame, neighbours: pl.DataFrame) -> pl.DataFrame:
    rerun = pl.concat([frame.select("rerun_of"), neighbours.select("rerun_of")])["rerun_of"].drop_nulls().unique()
    ended = pl.col("status").is_in(("ok", "error", "abandoned"))
    failed = (pl.col("status") == "error") | (ended & pl.col("said_refused"))
    rerun_or_rerunning = pl.col("execution_id").is_in(rerun.implode()) | pl.col("rerun_of").is_not_null()
    return frame.with_columns(failed.alias("failed")).with_columns(outcome.decide()).with_columns(
        pl.when(pl.col("success").is_not_null())
        .then(pl.col("success") & ~pl.col("corrected") & ~rerun_or_rerunning)
        .alias("first_pass"),
        pl.col("corrected").alias("self_corrected"),
        (pl.col("escalation").is_not_null() | pl.col("asked_person")).alias("escalated"),
        pl.coalesce("escalation", pl.when(pl.col("asked_person")).then(pl.lit("policy"))).alias("escalation_reason"),
    )  # fmt: skip


def _completed(frame: pl.DataFrame, result_version: int) -> pl.DataFrame:
    wall = (pl.col("ended_at") - pl.col("started_at")).dt.total_nanoseconds() / 1e6
    wall = pl.when(wall >= 0).then(wall)
    return frame.with_columns(
        pl.coalesce("task_id", "execution_id").alias("task_id"),
        # what a failed run said last on its way is no answer
        pl.coalesce("root_output", pl.when(pl.col("status") != "error").then("answer")).alias("output"),
        pl.coalesce("workflow", "workflow_step").alias("workflow"),
        pl.coalesce("task_type", "workflow", "workflow_step", "agent").alias("task_type"),
        pl.coalesce("purpose", pl.lit("production")).alias("purpose"),
        wall.alias("latency_ms"),
        (wall - pl.col("waited_ms").fill_null(0.0)).clip(lower_bound=0.0).alias("active_ms"),
        pl.when(pl.col("cost_usd").is_not_null()).then(pl.col("wasted_cost_usd").fill_null(0.0)).alias("wasted_cost_usd"),
        pl.lit(None, pl.Boolean).alias("violated"),
        pl.lit(result_version, pl.Int32).alias("result_version"),
    )


def turns(executions: pl.DataFrame, neighbours: pl.DataFrame) -> pl.DataFrame:
    """execution_id and turn of all executions of the sessions concerned, the neighbours' included, by start."""
    columns = ["execution_id", "session_id", "started_at"]
    others = neighbours.join(executions, on="execution_id", how="anti")
    everyone = pl.concat([executions.select(columns), others.select(columns)])
    return (
        everyone.filter(pl.col("session_id").is_not_null())
        .sort("session_id", "started_at", "execution_id")
        .select("execution_id", pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("session_id").alias("turn"))
    )


def _configurations(placed: pl.DataFrame) -> pl.DataFrame:
    """execution_id and configuration_id: the digest of its one configuration, or of the set of them."""
    used = placed.filter(pl.col("configuration_digest").is_not_null())
    sets = used.group_by("execution_id").agg(
        pl.col("configuration_digest").unique().sort().str.join(",").alias("configuration_id")
    )
    distinct = sets["configuration_id"].unique()
    return sets.with_columns(pl.col("configuration_id").replace_strict(distinct, _digests(distinct)))


def _digests(sets: pl.Series) -> pl.Series:
    """A set of one is its own digest. Distinct sets are few, so hashing them one by one is cheap."""
    return pl.Series([_digest(text) for text in sets.to_list()], dtype=pl.String)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() if "," in text else text


def _wasted(steps: pl.DataFrame) -> pl.DataFrame:
    """execution_id and wasted_cost_usd: failed and repeated steps, and the model calls that asked for a repeat."""
    steps = steps.select("execution_id", "step_id", "status", "attempt", "requested_by", "cost_usd")
    repeated = steps.filter(pl.col("attempt") > 1)
    asked = repeated.select("execution_id", pl.col("requested_by").alias("step_id")).drop_nulls().unique()
    lost = pl.concat(
        [
            steps.filter((pl.col("attempt") > 1) | (pl.col("status") == "error")).select("execution_id", "step_id", "cost_usd"),
            steps.join(asked, on=["execution_id", "step_id"], how="semi").select("execution_id", "step_id", "cost_usd"),
        ]
    ).unique(["execution_id", "step_id"])  # fmt: skip
    return lost.group_by("execution_id").agg(pl.col("cost_usd").sum().alias("wasted_cost_usd"))
