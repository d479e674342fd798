"""Which traces are one execution. One row per trace, by the first of five rules that matches (DESIGN).

Only a trace that several explicit ids share has several rows: one per id, and one for its rest (`shared_traces`).

1. `explicit`, 2. `run_key`: traces with the same key (one that tells of a call of another has its key), unless several
of them began it: then it is a recorded answer that was played again, and names no run. 3. `links`: span links of scopes
whose links join. 4. `resume`: a trace that ended while a person was asked, and the next trace of the same session and
agent; where only that one tells that a person was asked for a call, the trace before must have ended on that call.
5. `trace`: the trace by itself. A joined execution is called after its earliest trace. A trace of set-up or transport
spans alone is no execution (`setup`) unless a rule before joins it to one. Time alone never joins.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs import same_call, shared_traces
from whichstep_analytics.jobs.frames import schema_of, shaped
from whichstep_store.results import TRACE_EXECUTION_FIELDS

HELD: Final = ("interrupt", "approval")
"""Values of control_flow that say: the action was stopped to ask a person."""
_EDGE_SCHEMA: Final = pl.Schema({"trace": pl.UInt32(), "other": pl.UInt32(), "rule": pl.String()})
_RANKS: Final = {"run_key": 0, "links": 1, "resume": 2}
_AGENT_TYPES: Final = ("agent", "workflow")


def run(spans: pl.DataFrame) -> pl.DataFrame:
    """The execution of every trace in `spans` (columns TRACE_EXECUTION_FIELDS), sorted by trace and execution id."""
    traces = _facts(spans).sort("started_at", "trace_id", "execution_key").with_row_index("trace")
    traces = _with_keys_of_same_calls(traces, same_call.pairs(spans))
    traces = traces.with_columns(_one_run_key()).with_columns(_open_to_rules())
    edges = [pl.DataFrame(schema=_EDGE_SCHEMA)]
    if traces.filter(pl.col("explicit").is_null())["run_key"].drop_nulls().is_duplicated().any():
        edges.append(_key_edges(traces))
    if (traces["links"].list.len() > 0).any():
        edges.append(_link_edges(traces))
    if traces["waiting"].any():
        edges.append(_resume_edges(traces))
    joins = pl.concat(edges)
    named = _name(traces.with_columns(_components(traces.height, joins)), joins)
    return shaped(named, schema_of(TRACE_EXECUTION_FIELDS)).sort("trace_id", "execution_id")


def _facts(spans: pl.DataFrame) -> pl.DataFrame:
    """What each trace, or each execution's part of a shared one, says of itself, whatever the order of its spans."""
    shared = shared_traces.keys(spans)
    if shared is not None:
        spans = spans.with_columns(shared)
    open_root = pl.col("parent_span_id").is_null() & pl.col("ended_at").is_null()
    held = pl.col("control_flow").is_in(HELD).fill_null(value=False) & (pl.col("type") != "none")
    agent = pl.coalesce("agent", "workflow", "step_name").filter(pl.col("type").is_in(_AGENT_TYPES))
    own, explicit = pl.col("execution_key"), pl.col("execution_rule").eq_missing("explicit")
    held_at = pl.col("started_at").filter(held).max()
    asked_at = pl.col("started_at").filter((pl.col("type") == "llm_call") & ~held).max()
    ran = pl.col("tool_call_id").filter(~pl.col("synthetic")).drop_nulls()
    return (
        spans.lazy()
        .sort("started_at", "span_id")
        .group_by("trace_id", *(["key"] if shared is not None else []), maintain_order=True)
        .agg(
            pl.col("started_at").first(),
            pl.when(~open_root.any()).then(pl.col("ended_at").max()).alias("ended_at"),
            own.filter(explicit).min().alias("explicit"),
            _run_key(own, explicit).alias("run_key"),
            own.filter(pl.col("execution_rule") == "first_call").first().alias("began"),
            pl.col("session_id").drop_nulls().first(),
            agent.first().alias("agent"),
            ((pl.col("type") != "none") & ~pl.col("setup")).any().alias("works"),
            (held_at.is_not_null() & (asked_at <= held_at).fill_null(value=True)).alias("held"),
            pl.col("asked_call_ids").filter(pl.col("type") == "llm_call").last().alias("asked"),
            ran.alias("ran"),
            pl.col("tool_call_id").filter(held & pl.col("synthetic")).drop_nulls().alias("told_held"),
            pl.col("linked_trace_ids").filter(pl.col("links_join")).explode(empty_as_null=True).drop_nulls().unique().sort().alias("links"),
        )
        .with_columns(
            pl.coalesce("explicit", "run_key").alias("execution_key"),
            pl.col("asked").list.set_difference("ran").list.set_difference([""]).alias("unanswered"),
        )
        .with_columns((pl.col("held") | _ended_on_a_call()).alias("waiting"))
        .collect()
    )  # fmt: skip


def _ended_on_a_call() -> pl.Expr:
    """Whether an agent's last model call asked for a tool that did not run: a person may have been asked."""
    return (pl.col("agent").is_not_null() & (pl.col("unanswered").list.len() > 0)).fill_null(value=False)


def _run_key(own: pl.Expr, explicit: pl.Expr) -> pl.Expr:
    """The key of the earliest span that has one; of single messages, of those since the user's last words."""
    message = pl.col("synthetic") & pl.col("user_message").is_not_null() & own.is_null()
    said_at = pl.col("started_at").filter(message).max()
    key = own.filter(~explicit & (~pl.col("synthetic") | (pl.col("started_at") >= said_at).fill_null(value=True)))
    return key.drop_nulls().first()


def _with_keys_of_same_calls(traces: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """A trace without a key that tells of a call of another has the key of that one; two without, the smaller id."""
    pairs = pairs.filter(pl.col("trace_id") != pl.col("other"))
    if pairs.is_empty():
        return traces
    two = pl.concat([pairs.select("trace_id", "other"), pairs.select(trace_id="other", other="trace_id")])
    keys = traces.select(pl.col("trace_id").alias("other"), pl.col("run_key").alias("other_key"))
    lent = two.join(keys, on="other").group_by("trace_id").agg(
        pl.coalesce("other_key", pl.min_horizontal("trace_id", "other")).min().alias("lent")
    )  # fmt: skip
    borrowed = traces.join(lent, on="trace_id", how="left", maintain_order="left")
    return borrowed.with_columns(pl.coalesce("run_key", "lent").alias("run_key")).with_columns(
        pl.coalesce("explicit", "run_key").alias("execution_key")
    )


def _one_run_key() -> pl.Expr:
    """The run key of each trace, null where more than one trace began that run."""
    began = (pl.col("began") == pl.col("run_key")).fill_null(value=False)
    return pl.when(began.sum().over("run_key") < 2).then("run_key").alias("run_key")


def _open_to_rules() -> pl.Expr:
    """Whether rules 3 and 4 may join a trace: no rule before has."""
    shared = pl.col("run_key").is_not_null() & (pl.len().over("run_key") > 1)
    return (pl.col("explicit").is_null() & ~shared).alias("open")


def _key_edges(traces: pl.DataFrame) -> pl.DataFrame:
    """(trace, other, rule) from each trace without an explicit id to the first one with the same run key."""
    keyed = traces.filter(pl.col("explicit").is_null() & pl.col("run_key").is_not_null())
    first = pl.col("trace").min().over("run_key").alias("other")
    return keyed.select("trace", first, pl.lit("run_key").alias("rule")).filter(pl.col("trace") != pl.col("other"))


def _link_edges(traces: pl.DataFrame) -> pl.DataFrame:
    """(trace, other, rule) for each link of a trace without a key to another trace in the frame."""
    linked = traces.filter(pl.col("open") & (pl.col("links").list.len() > 0))
    targets = traces.select(pl.col("trace_id").alias("links"), pl.col("trace").alias("other"))
    edges = linked.select("trace", "links").explode("links").join(targets, on="links")
    return edges.select("trace", "other", pl.lit("links").alias("rule"))


def _resume_edges(traces: pl.DataFrame) -> pl.DataFrame:
    """(trace, other, rule) from each trace without a key to the one before it in its session, where that one waits."""
    before = traces.select(
        pl.col("trace").alias("other"), pl.col("held").alias("was_held"), pl.col("ended_at").alias("stopped_at"),
        pl.col("unanswered").alias("left"),
    )  # fmt: skip
    told = pl.col("told_held").list.set_intersection("left").list.len() > 0
    return (
        traces.filter(pl.col("session_id").is_not_null() & pl.col("works"))
        .with_columns(pl.col("trace").shift(1).over("session_id", "agent").alias("other"))
        .join(before, on="other")
        .filter(
            pl.col("open")
            & (pl.col("was_held") | told).fill_null(value=False)
            & (pl.col("stopped_at") <= pl.col("started_at"))
        )
        .select("trace", "other", pl.lit("resume").alias("rule"))
    )


def _components(count: int, edges: pl.DataFrame) -> pl.Series:
    """The smallest trace index that each trace is connected to.

    Union-find in a plain loop: edges exist only where a framework links traces or a person was asked, and a handful
    costs less here (1 µs an edge) than one round of joins (1 ms).
    """
    label = list(range(count))

    def find(trace: int) -> int:
        while label[trace] != trace:
            label[trace] = trace = label[label[trace]]
        return trace

    for trace, other in edges.select("trace", "other").iter_rows():
        low, high = sorted((find(trace), find(other)))
        label[high] = low
    return pl.Series("component", [find(trace) for trace in range(count)] if edges.height else label, pl.UInt32)


def _name(traces: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """Adds `execution_id` and `rule`. A key names its whole component, else its earliest trace does."""
    rules = edges.group_by("trace").agg(pl.col("rule").sort_by(_rank()).first())
    first_key = pl.col("explicit").drop_nulls().first()
    group = pl.coalesce("explicit", pl.col("component").cast(pl.String))
    joined = pl.len().over("component") > 1
    strongest = pl.col("rule").sort_by(_rank()).drop_nulls().first()
    return (
        traces.join(rules, on="trace", how="left")
        .with_columns(
            pl.coalesce("explicit", first_key.over("component"), pl.col("trace_id").first().over("component")).alias(
                "execution_id"
            ),
            pl.col("works").any().over(group).alias("works"),
            pl.when(pl.col("explicit").is_not_null()).then(pl.lit("explicit"))
            .when(joined).then(pl.coalesce("rule", strongest.over("component")))
            .otherwise(pl.lit("trace"))
            .alias("rule"),
        )
        .with_columns(pl.when(pl.col("works")).then("rule").otherwise(pl.lit("setup")).alias("rule"))
    )  # fmt: skip


def _rank() -> pl.Expr:
    return pl.col("rule").replace_strict(_RANKS, default=len(_RANKS), return_dtype=pl.Int8)
