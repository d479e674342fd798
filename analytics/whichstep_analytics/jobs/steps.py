"""The steps of executions, from all their spans at once. Pure: the same spans in any order give the same rows.

Order of the work: place spans in executions → one row per step (`merging`) → held actions (`approvals`) → order, path,
agent (`tree`) → wrappers of calls → tokens of leaves only, cost (`prices`) → status → who asked, attempts (`attempts`)
→ time (`critical_path`) → summary.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs import approvals, attempts, critical_path, merging, shared_traces, summary, tree
from whichstep_analytics.jobs.frames import schema_of, shaped
from whichstep_analytics.prices import Prices
from whichstep_store.results import STEP_FIELDS

STEP_SCHEMA: Final = schema_of(STEP_FIELDS)
# What later jobs read beside the columns of step_rows.
WORKING_SCHEMA: Final = pl.Schema(
    {
        "at": pl.UInt32(),
        "parent_at": pl.UInt32(),
        "depth": pl.UInt32(),
        "corrected": pl.Boolean(),
        "counted_above": pl.Boolean(),  # a call that tells no tokens under an agent that tells its total
        "wrapper": pl.Boolean(),  # sent as a model call, but only wraps others: of type workflow
        "asked_tools": pl.List(pl.String),
        "error_guessed": pl.Boolean(),
        "user_message": pl.String(),
        "input_digest": pl.String(),
    }
)
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
# What a wrapper of model calls does not reach into.
_SOMEBODY: Final = ""
"""The agent below a hand-over, where it does not say its name."""
_BOUNDARIES: Final = ("llm_call", "tool_call", "agent", "handoff", "retrieval")
# Errors by which the SDK says that an action was not allowed to run.
_ERROR_STATUSES: Final = {
    "ActionBlocked": "blocked",
    "ApprovalRejected": "rejected",
    "ApprovalExpired": "expired",
    "ApprovalPending": "pending_approval",
    "WorkflowViolation": "blocked",
}


def distinct(spans: pl.DataFrame) -> pl.DataFrame:
    """Each span once: of two rows the ended one, then the one with more attributes, then the larger digest."""
    keys = ["trace_id", "span_id"]
    if not spans.select(keys).is_duplicated().any():
        return spans
    ended = pl.col("ended_at").is_not_null()
    best = spans.sort(ended, "attribute_count", "digest", descending=True)
    return best.unique(keys, keep="first", maintain_order=True)


def place(spans: pl.DataFrame, mapping: pl.DataFrame) -> pl.DataFrame:
    """The spans of executions with `execution_id`, without set-up, in order of execution and start."""
    by = ["trace_id"]
    belongs = mapping.filter(pl.col("rule") != "setup").select("trace_id", "execution_id")
    if mapping["trace_id"].is_duplicated().any():
        spans, belongs, by = *_shared(spans, mapping), ["trace_id", "key"]
    # executions and traces by number: order is found over integers, then each wide column is gathered once
    numbered = belongs.sort("execution_id", "trace_id").with_row_index("number")
    order = (
        spans.select(*by, "started_at", "span_id", "setup")
        .with_row_index("row")
        .join(numbered.with_columns(pl.col("execution_id").rle_id().alias("group")), on=by, nulls_equal=True)
        .filter(~pl.col("setup"))
        .sort("group", "started_at", "number", "span_id")
    )
    return spans[order["row"]].with_columns(order["execution_id"])


def _shared(spans: pl.DataFrame, mapping: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Spans and mapping with `key`: which part of a shared trace they are, null in all others."""
    keys = shared_traces.keys(spans)
    assert keys is not None  # noqa: S101 - else no trace had two rows
    part = pl.col("trace_id").is_duplicated() & (pl.col("rule") == "explicit")
    parts = mapping.with_columns(pl.when(part).then("execution_key").alias("key"))
    return shared_traces.apart(spans, keys), parts.filter(pl.col("rule") != "setup").select(
        "trace_id", "execution_id", "key"
    )


def run(placed: pl.DataFrame, prices: Prices, asked: pl.DataFrame) -> pl.DataFrame:
    """Steps of the placed spans: STEP_SCHEMA and WORKING_SCHEMA, sorted by execution and position.

    `asked`: the ledger's requests for approval of these executions.
    """
    found = merging.forest(placed)
    held = approvals.held_actions(placed, found)
    steps = merging.merge(placed, approvals.join_refused(found, held))
    steps = approvals.settled_by_ledger(_typed(steps, held), asked)
    steps = _with_delegations(_ordered(steps, rows=placed.height))
    steps = _with_leaf_tokens(_with_wrappers(steps))
    steps = _with_cost(steps, prices)
    steps = attempts.repeats(_with_status(steps))
    steps = steps.with_columns(critical_path.of_steps(steps))
    steps = steps.rechunk()  # Polars 2.1 panics in pl.format where a filter left an empty chunk
    steps = steps.with_columns(attempts.requested_by(steps), summary.one_line().alias("output_summary"))
    return shaped(steps, pl.Schema({**STEP_SCHEMA, **WORKING_SCHEMA}))


def _typed(steps: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Adds what became of held actions; a held tool call is an approval that ends when the action runs."""
    if held.is_empty():
        return steps.with_columns(
            pl.lit(value=False).alias("held"),
            *(pl.lit(None, kind).alias(name) for name, kind in held.schema.items() if name != "row"),
        )
    is_held = pl.col("went_on").is_not_null()
    joined = steps.join(held, on="row", how="left")
    return joined.with_columns(
        is_held.alias("held"),
        pl.when(is_held & (pl.col("type") == "tool_call")).then(pl.lit("approval")).otherwise("type").alias("type"),
        pl.when(is_held).then("resumed_at").otherwise("ended_at").alias("ended_at"),
        error=pl.col("error") & ~is_held,
    )


def _ordered(steps: pl.DataFrame, *, rows: int) -> pl.DataFrame:
    """Sorts into positions and adds position, at, parent_at, parent_step_id, depth, path.

    An agent is inherited, but not by what it handed over to.
    """
    parents = _parent_at(steps, rows)
    handed = pl.lit(steps["type"].gather(parents) == "handoff") & pl.col("agent").is_null()
    agent = pl.when(handed).then(pl.lit(_SOMEBODY)).otherwise("agent").alias("agent")
    named = tree.paths(steps.select(pl.lit(parents).alias("parent"), pl.col("step_name").alias("name"), agent))
    steps = steps.with_columns(named["depth"], named["path"], named["agent"].replace(_SOMEBODY, None))
    steps = steps.sort("execution_id", "step_index", "started_at", "depth", "span_id")
    parents = _parent_at(steps, rows)
    return steps.with_row_index("at").with_columns(
        pl.lit(parents).alias("parent_at"),
        pl.lit(steps["span_id"].gather(parents)).alias("parent_step_id"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("execution_id").alias("position"),
        pl.col("span_id").alias("step_id"),
        pl.col("step_name").alias("name"),
    )


def _parent_at(steps: pl.DataFrame, rows: int) -> pl.Series:
    """Parents as indices of this frame instead of rows of the spans."""
    nowhere = pl.Series([None], dtype=pl.UInt32).new_from_index(0, rows)
    at = nowhere.scatter(steps["row"], pl.int_range(steps.height, dtype=pl.UInt32, eager=True))
    return at.gather(steps["parent_row"])


def _with_delegations(steps: pl.DataFrame) -> pl.DataFrame:
    """A tool that runs an agent hands work over to it."""
    agents = steps["type"].is_in(("agent", "workflow"))
    if not agents.any():
        return steps
    runs_agent = tree.has_descendant(steps["parent_at"], agents)
    hands_over = pl.lit(runs_agent) & (pl.col("type") == "tool_call")
    return steps.with_columns(pl.when(hands_over).then(pl.lit("handoff")).otherwise("type").alias("type"))


def _with_wrappers(steps: pl.DataFrame) -> pl.DataFrame:
    """Adds `wrapper` and makes those that are one a workflow, so that the steps of type llm_call are the model calls.

    A call inside a tool or agent that a model call contains is a call of its own, not the same one seen twice.
    """
    is_call = steps["type"] == "llm_call"
    above = tree.nearest(steps["parent_at"], kept=steps["type"].is_in(_BOUNDARIES))
    wrapping = above.filter(is_call & is_call.gather(above).fill_null(value=False))
    wrapper = pl.zeros(steps.height, dtype=pl.UInt8, eager=True).scatter(wrapping, 1) == 1
    kind = pl.when(pl.lit(wrapper)).then(pl.lit("workflow")).otherwise("type").alias("type")
    return steps.with_columns(pl.lit(wrapper).alias("wrapper"), kind)


def _with_leaf_tokens(steps: pl.DataFrame) -> pl.DataFrame:
    """Keeps tokens and reported cost where they were spent: on model calls, never on totals above such.

    Adds `counted_above`: a call that tells nothing under an agent whose total is all that is known.
    """
    counted_nothing = (pl.col("input_tokens") == 0) & (pl.col("output_tokens") == 0)  # no call is free of input
    steps = steps.with_columns(
        pl.when(~counted_nothing.fill_null(value=False)).then(name).alias(name) for name in _TOKENS
    )
    parents, is_call = steps["parent_at"], steps["type"] == "llm_call"
    spent = steps.select(pl.any_horizontal(pl.col(*_TOKENS, "reported_cost_usd").is_not_null()))["input_tokens"]
    total = ~is_call & tree.has_descendant(parents, spent)
    silent = is_call & ~spent
    above = tree.nearest(parents, kept=spent & ~total).is_not_null() if silent.any() else pl.lit(value=False)
    return steps.with_columns(
        *(pl.when(~pl.lit(total)).then(name).alias(name) for name in (*_TOKENS, "reported_cost_usd")),
        (pl.lit(silent) & above).alias("counted_above"),
    )


def _with_cost(steps: pl.DataFrame, prices: Prices) -> pl.DataFrame:
    """Adds cost_usd: as reported where the sender says it (flag `reported_cost`), else from the price table."""
    spent = pl.col("input_tokens").is_not_null() | pl.col("output_tokens").is_not_null()
    calls = steps.filter(spent & pl.col("reported_cost_usd").is_null())
    computed = pl.Series([None], dtype=pl.Float64).new_from_index(0, steps.height)
    computed = computed.scatter(calls["at"], prices.cost(calls)) if calls.height else computed
    reported = pl.col("reported_cost_usd").is_not_null()
    return steps.with_columns(
        pl.coalesce("reported_cost_usd", pl.lit(computed)).alias("cost_usd"),
        pl.when(reported)
        .then(pl.col("flags").list.concat(pl.lit(["reported_cost"])))
        .otherwise("flags")
        .alias("flags"),
    )


def _with_status(steps: pl.DataFrame) -> pl.DataFrame:
    """Adds status and latency_ms; a refusal read from words is flagged `guessed`."""
    guessed = (
        pl.col("held")
        & pl.col("ledger_status").is_null()
        & (pl.col("refused") | (pl.col("went_on") & pl.col("resumed").is_null()))
    )
    held = (
        pl.when(pl.col("refused")).then(pl.lit("rejected"))
        .when(pl.col("resumed").is_not_null()).then(pl.lit("ok"))
        .when(pl.col("went_on")).then(pl.lit("rejected"))
        .otherwise(pl.lit("pending_approval"))
    )  # fmt: skip
    unended = pl.when(pl.col("type") == "approval").then(pl.lit("pending_approval")).otherwise(pl.lit("running"))
    status = (
        pl.when(pl.col("ledger_status").is_not_null()).then("ledger_status")
        .when(pl.col("held")).then(held)
        .when(pl.col("error")).then(pl.lit(_error_statuses(steps)))
        .when(pl.col("control_flow") == "cancelled").then(pl.lit("cancelled"))
        .when(pl.col("pending") | pl.col("ended_at").is_null()).then(unended)
        .otherwise(pl.lit("ok"))
    )  # fmt: skip
    took = (pl.col("ended_at") - pl.col("started_at")).dt.total_nanoseconds() / 1e6
    # a recorded run without times orders its steps by index and gives each one moment; so are steps read from messages
    flags, moment = pl.col("flags"), took == 0
    untimed = flags.list.contains("no_start") | (pl.col("step_index").is_not_null() & moment)
    timed = (took >= 0) & ~untimed & ~(flags.list.contains("derived") & moment)
    return steps.with_columns(
        status.alias("status"),
        pl.when(timed).then(took).alias("latency_ms"),
        pl.when(guessed).then(pl.col("flags").list.concat(pl.lit(["guessed"]))).otherwise("flags").alias("flags"),
    )


def _error_statuses(steps: pl.DataFrame) -> pl.Series:
    """What an error makes of a step: one that was not allowed to run did not fail; the steps around it did."""
    not_run = steps["error_type"].replace_strict(_ERROR_STATUSES, default=None, return_dtype=pl.String)
    if not_run.null_count() < steps.height:
        below = tree.has_descendant(steps["parent_at"], not_run.is_not_null())
        not_run = not_run.set(below, None)
    return not_run.fill_null("error")
