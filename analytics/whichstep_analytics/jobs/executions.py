"""One row per execution from its spans and steps. Pure; `as_of` decides only what has been silent for too long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from whichstep_analytics.failure.locate import locate
from whichstep_analytics.failure.signature import of_workflow
from whichstep_analytics.jobs import configurations, expected, facts, outcome, progress, timing, waste
from whichstep_analytics.jobs.frames import schema_of, shaped
from whichstep_analytics.jobs.reruns import STATED, reruns
from whichstep_analytics.jobs.sessions import turns
from whichstep_store.digests import digest_of
from whichstep_store.results import EXECUTION_FIELDS, MOVED_FIELDS, TOOL_MATCH_FIELDS

EXECUTION_SCHEMA: Final = schema_of(EXECUTION_FIELDS)
MATCH_SCHEMA: Final = schema_of(TOOL_MATCH_FIELDS)
MOVED_SCHEMA: Final = schema_of(MOVED_FIELDS)
PREVIEW_LENGTH: Final = 1024
"""Characters of a text that the jobs see; one that is shorter was not cut."""
_MOVING: Final = ("turn", "rerun_of", "rerun_rule", "first_pass")
ABANDONED_AFTER_NS: Final = 15 * 60 * 10**9
"""Silence after which an execution whose root never ended is given up: past the longest model call in common use."""


class Executed(NamedTuple):
    """What the job gives."""

    rows: pl.DataFrame
    """EXECUTION_SCHEMA."""
    tool_matches: pl.DataFrame
    """MATCH_SCHEMA."""
    moved: pl.DataFrame
    """MOVED_SCHEMA: neighbours that stand elsewhere in their session, or in another relation, now."""


def run(
    placed: pl.DataFrame,
    steps: pl.DataFrame,
    evaluations: pl.DataFrame,
    mapping: pl.DataFrame,
    *,
    as_of: int,
    result_version: int,
    neighbours: pl.DataFrame,
    expectations: pl.DataFrame,
    deciding: Mapping[str, float] = outcome.DECIDING,
    actions: pl.DataFrame,
) -> Executed:
    """One row per execution that has a step, sorted by execution id, and what follows from them.

    `as_of` is in nanoseconds since the epoch; `neighbours` are stored executions of the same sessions and tasks, and
    re-runs; `expectations` are results.EXPECTATION_FIELDS; `deciding` is as
    `outcome.DECIDING`, `actions` as `actions.of_executions` gives them.
    """
    frame = facts.of_spans(placed).join(facts.of_steps(steps), on="execution_id")
    said = (pl.coalesce(name, "passed_message").alias(name) for name in ("agent_input", "input"))
    frame = frame.with_columns(said)  # what no step says, a message on its way to the agents may
    stated = outcome.stated(evaluations, mapping, placed, deciding=deciding)
    for extra in (
        timing.waits(steps),
        stated,
        configurations.of_spans(placed),
        waste.of_steps(steps),
        actions,
        _traces(mapping),
    ):
        frame = _beside(frame, extra)
    # A person's word on a violation, or an evaluator's, stands over the comparison.
    frame = frame.with_columns(pl.coalesce("violated", "attempted_blocked").alias("violated"))
    frame = _named(_with_status(frame, as_of))
    placed_in_session = turns(frame, neighbours)
    frame = _beside(frame, placed_in_session)
    repetitions = reruns(frame, neighbours)
    frame = frame.drop("rerun_of", "rerun_rule").join(repetitions, on="execution_id", how="left")
    frame = _with_outcome(frame)
    frame = _beside(frame, expected.of_executions(placed, frame, expectations))
    judgements, matches = expected.judged(frame, steps)
    frame = _beside(frame, judgements)
    located = _located(steps, frame)
    frame = _beside(_beside(frame, located), progress.at_failure(steps, located))
    frame = _completed(frame).with_columns(pl.lit(result_version).alias("result_version"))
    matches = matches.join(frame.select("execution_id", "started_at"), on="execution_id")
    return Executed(
        shaped(frame, EXECUTION_SCHEMA).sort("execution_id"),
        shaped(matches, MATCH_SCHEMA),
        _moved(neighbours, placed_in_session, repetitions),
    )


def _moved(neighbours: pl.DataFrame, placed: pl.DataFrame, repetitions: pl.DataFrame) -> pl.DataFrame:
    """Stored executions whose turn these results change, or that repeat or are repeated by one of them."""
    if neighbours.is_empty():
        return pl.DataFrame(schema=MOVED_SCHEMA)
    known = neighbours.select("execution_id", *(pl.col(name).alias(f"{name}_before") for name in _MOVING))
    first_pass = pl.when("repeated").then(pl.col("first_pass_before") & False).otherwise("first_pass_before")
    found = (
        known.join(repetitions, on="execution_id")
        .join(placed, on="execution_id", how="left")
        .with_columns(first_pass.alias("first_pass"))
        .filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in _MOVING))
    )
    return shaped(found, MOVED_SCHEMA)


def _located(steps: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    expectations = frame.select("execution_id", "expectation").drop_nulls()
    return locate(steps, frame.select("execution_id", "status", "success", "success_source"), expectations)


def _beside(frame: pl.DataFrame, extra: pl.DataFrame) -> pl.DataFrame:
    """A left join by execution; most extras are empty, and nulls cost nothing."""
    if extra.is_empty():
        columns = {name: kind for name, kind in extra.schema.items() if name != "execution_id"}
        return frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in columns.items())
    return frame.join(extra, on="execution_id", how="left")


def _traces(mapping: pl.DataFrame) -> pl.DataFrame:
    traces = mapping.filter(pl.col("rule") != "setup").sort("started_at", "trace_id")
    return traces.group_by("execution_id", maintain_order=True).agg(pl.col("trace_id").alias("trace_ids"))


def _with_status(frame: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """Adds status and ended_at. Agents speak for a root that is lost or far away, after the deadline."""
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


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds the defaults of what an execution is called by, and what tells whether two were asked the same."""
    stated = pl.when(pl.col("rerun_of").is_not_null()).then(pl.lit(STATED))
    return frame.with_columns(
        pl.coalesce("task_id", "execution_id").alias("task_id"),
        pl.coalesce("workflow", "workflow_step").alias("workflow"),
        pl.coalesce("task_type", "workflow", "workflow_step", "agent").alias("task_type"),
        pl.coalesce("purpose", pl.lit("production")).alias("purpose"),
        pl.lit(_input_digests(frame)).alias("input_digest"),
        pl.col("input").str.len_chars().cast(pl.Int32).alias("input_length"),
        stated.alias("rerun_rule"),
    )


def _input_digests(frame: pl.DataFrame) -> pl.Series:
    """Of what the agent was asked; where no agent says, of all that its first model call was sent, history included."""
    whole = pl.col("agent_input").str.len_chars() < PREVIEW_LENGTH
    texts = frame.select(pl.when(whole).then("agent_input"))["agent_input"]
    digests = [None if text is None else digest_of(text.encode()).hex() for text in texts]
    return pl.Series("input_digest", digests, pl.String).fill_null(frame["asked_digest"])


def _with_outcome(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds success and why, first_pass, self_corrected and escalation."""
    ended = pl.col("status").is_in(("ok", "error", "abandoned"))
    failed = (pl.col("status") == "error") | (ended & pl.col("said_refused"))
    asked = pl.when(pl.col("asked_person")).then(pl.lit("policy"))
    reason = pl.coalesce("escalation", asked)
    frame = outcome.decide(frame.with_columns(failed.alias("failed")))
    first_pass = pl.col("success") & ~pl.col("corrected") & ~pl.col("repeated")
    return frame.with_columns(
        pl.when(pl.col("success").is_not_null()).then(first_pass).alias("first_pass"),
        pl.col("corrected").alias("self_corrected"),
        reason.is_not_null().alias("escalated"),
        reason.alias("escalation_reason"),
    )


def _completed(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds what follows from other columns: times, the answer, the waste."""
    wall = (pl.col("ended_at") - pl.col("started_at")).dt.total_nanoseconds() / 1e6
    wall = pl.when((wall >= 0) & ~((wall == 0) & pl.col("untimed"))).then(wall)
    # what a failed run said last on its way is no answer
    answer = pl.when(pl.col("status") != "error").then("answer")
    wasted = pl.when(pl.col("cost_usd").is_not_null()).then(pl.col("wasted_cost_usd").fill_null(0.0))
    return frame.with_columns(
        pl.coalesce("root_output", answer).alias("output"),
        of_workflow(pl.col("workflow"), pl.col("failing_step_path"), pl.col("failure_signature")),
        wall.alias("latency_ms"),
        (wall - pl.col("waited_ms").fill_null(0.0)).clip(lower_bound=0.0).alias("active_ms"),
        wasted.alias("wasted_cost_usd"),
    )
