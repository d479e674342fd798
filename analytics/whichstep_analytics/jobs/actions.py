"""Every tool call and requested action of executions, compared with the sidecar's policy, whoever made it.

Pure: the same steps, requests and policy give the same rows. The policy is judged by `whichstep.policy`, as agents and
sidecar judge it. Each distinct (action, arguments, environment, agent) is judged once, in Python, because that is what
rules are; of actions whose decision depends on none of them only the name is. Arguments are known as far as the preview
of a step tells them: what a decision needs and the preview does not tell leaves the risk level unknown.

An action is *gated* where the ledger says that a decision was used for the request that its step names, once; the tool
call of a framework that runs a gated function of the same name is the same action.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import polars as pl

from whichstep.policy import Policy
from whichstep_analytics.jobs.frames import schema_of, shaped
from whichstep_store.results import ACTION_FIELDS

ACTION_SCHEMA: Final = schema_of(ACTION_FIELDS)
COUNTED_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "attempted_blocked": pl.Boolean(),
        "action_count": pl.Int32(),  # null where one could not be judged
        "ungated_count": pl.Int32(),
    }
)
UNDER_POLICY: Final = "under_policy"
"""Flag of a step on which the agent's own policy decided."""
_RAN: Final = ("ok", "error", "running")
_HELD: Final = ("approve", "block")
_CALL: Final = ("action", "arguments", "environment", "who")
_JUDGED: Final = pl.Schema({"risk_level": pl.String(), "rule": pl.String()})
_OF_STEP: Final = (
    "execution_id", "step_id", "parent_step_id", "position", "started_at", "arguments", "agent", "approval_id",
)  # fmt: skip


class Known(NamedTuple):
    """Arguments as far as a text tells them, and whether that is all of them."""

    arguments: dict[str, Any] | None
    whole: bool


def run(steps: pl.DataFrame, placed: pl.DataFrame, approvals: pl.DataFrame, policy: Policy | None) -> pl.DataFrame:
    """ACTION_SCHEMA, sorted by execution and position; no rows without a policy.

    Args:
        steps: as `jobs.steps.run` gives them.
        placed: the spans that they were made of: environment and service of their executions.
        approvals: rows of APPROVAL_FIELDS of the executions.
        policy: of the sidecar.
    """
    found = _actions(steps) if policy is not None else steps.clear()
    if policy is None or found.is_empty():
        return pl.DataFrame(schema=ACTION_SCHEMA)
    where = placed.group_by("execution_id").agg(pl.col("environment").drop_nulls().first(), pl.col("service").first())
    found = _gated(found.join(where, on="execution_id", how="left", maintain_order="left"), approvals)
    found = judge(found.with_columns(who=pl.coalesce("agent", "service")), policy)
    return shaped(found.with_columns(pl.lit(policy.digest).alias("policy_digest")), ACTION_SCHEMA)


def of_executions(actions: pl.DataFrame, steps: pl.DataFrame, policy: Policy | None) -> pl.DataFrame:
    """COUNTED_SCHEMA, one row per execution under a policy.

    Without one of the sidecar those in which the agent's own policy decided on something, and nothing is counted.
    """
    blocked = (pl.col("status") == "blocked").any().alias("blocked")
    under_own = pl.col("flags").list.contains(UNDER_POLICY).any().alias("under_own")
    executions = steps.group_by("execution_id", maintain_order=True).agg(blocked, under_own)
    if policy is None:
        nothing = pl.lit(None, pl.Int32)
        counts = executions.filter(pl.col("under_own") | pl.col("blocked")).with_columns(
            pl.col("blocked").alias("attempted_blocked"), action_count=nothing, ungated_count=nothing
        )
        return shaped(counts, COUNTED_SCHEMA)
    ungated = pl.col("ran") & pl.col("risk_level").is_in(_HELD) & ~pl.col("gated")
    counted = actions.group_by("execution_id").agg(
        (pl.col("risk_level") == "block").any().alias("forbidden"),
        pl.len().alias("action_count"),
        ungated.sum().alias("ungated_count"),
        pl.col("risk_level").is_null().any().alias("unknown"),
    )
    known = ~pl.col("unknown").fill_null(value=False)
    counts = executions.join(counted, on="execution_id", how="left", maintain_order="left").with_columns(
        (pl.col("blocked") | pl.col("forbidden").fill_null(value=False)).alias("attempted_blocked"),
        *(pl.when(known).then(pl.col(name).fill_null(0)).alias(name) for name in ("action_count", "ungated_count")),
    )
    return shaped(counts, COUNTED_SCHEMA)


def judge(calls: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The calls (action, arguments, environment, who; further columns stay) with risk_level and rule by a policy.

    Both are null where the decision depends on arguments that `arguments`, a preview of their JSON, does not tell. Of
    an action that depends on nothing else, only the name is looked at.
    """
    by_name = [name for name in calls["action"].unique() if not policy.depends_on_call(name)]
    narrowed = (pl.when(~pl.col("action").is_in(by_name)).then(name).alias(f"_{name}") for name in _CALL[1:])
    keys = ["action", *(f"_{name}" for name in _CALL[1:])]
    keyed = calls.with_columns(narrowed)
    distinct = keyed.select(keys).unique(maintain_order=True)
    judged = pl.DataFrame([_decided(policy, *call) for call in distinct.iter_rows()], schema=_JUDGED, orient="row")
    found = pl.concat([distinct, judged], how="horizontal")
    return keyed.join(found, on=keys, how="left", nulls_equal=True, maintain_order="left").drop(keys[1:])


def known_arguments(text: str | None) -> Known:
    """The members of a JSON object that a text tells, which may be cut anywhere."""
    if text is None:
        return Known(None, whole=False)
    try:
        read = json.loads(text)
    except ValueError:
        return Known(dict(_members(text)), whole=False)
    return Known(read, whole=True) if isinstance(read, dict) else Known(None, whole=False)


def _actions(steps: pl.DataFrame) -> pl.DataFrame:
    """Tool calls, and what was stopped for a person and then never ran."""
    is_call = pl.col("tool").is_not_null() & pl.col("type").is_in(("tool_call", "handoff"))
    calls = steps.filter(is_call).select(
        *_OF_STEP, pl.col("tool").alias("action"), pl.col("status").is_in(_RAN).alias("ran")
    )
    asked = steps.filter(pl.col("type") == "approval").select(
        *_OF_STEP, pl.coalesce("tool", "name").alias("action"), pl.lit(value=False).alias("ran")
    )
    named = pl.col("approval_id").is_not_null()
    never_ran = (
        asked.filter(named).join(calls, on=["execution_id", "approval_id"], how="anti"),
        asked.filter(~named).join(calls, on=["execution_id", "action"], how="anti"),
    )
    return pl.concat([calls, *never_ran]).sort("execution_id", "position")


def _gated(actions: pl.DataFrame, approvals: pl.DataFrame) -> pl.DataFrame:
    """Adds `gated`; a call takes over the approval of the call of the same name that it runs."""
    inner = actions.filter(pl.col("approval_id").is_not_null()).select(
        "execution_id", "action", pl.col("parent_step_id").alias("step_id"), pl.col("approval_id").alias("of_inner")
    )
    key = ["execution_id", "action", "step_id"]
    inner = inner.unique(key, keep="first", maintain_order=True)
    used = approvals.filter("used").select("approval_id", "action", pl.lit(value=True).alias("used")).unique()
    first = pl.int_range(pl.len()).over("approval_id", "outer") == 0
    return (
        actions.join(inner, on=key, how="left", maintain_order="left")
        .with_columns(pl.col("approval_id").is_null().alias("outer"), pl.coalesce("approval_id", "of_inner"))
        .join(used, on=["approval_id", "action"], how="left", maintain_order="left")
        .with_columns((pl.col("used").fill_null(value=False) & first).alias("gated"))
    )


def _decided(
    policy: Policy, action: str, arguments: str | None, environment: str | None, agent: str | None
) -> tuple[str | None, str | None]:
    known = known_arguments(arguments)
    decision = policy.check(action, known.arguments, environment=environment, agent=agent)
    return (decision.risk_level, decision.rule) if decision.is_certain or known.whole else (None, None)


def _members(text: str) -> Iterator[tuple[str, Any]]:
    """The whole members at the beginning of an object that is cut."""
    decoder, rest = json.JSONDecoder(), text.lstrip().removeprefix("{")
    while rest:
        try:
            name, end = decoder.raw_decode(rest := rest.lstrip())
            value, end = decoder.raw_decode(rest := rest[end:].lstrip().removeprefix(":").lstrip())
        except ValueError:
            return
        rest = rest[end:].lstrip()
        if not isinstance(name, str) or not rest.startswith(","):  # a number at the end may go on
            return
        yield name, value
        rest = rest[1:]
