"""What the spans and the steps of an execution say of it, each in one pass over all executions."""

from __future__ import annotations

from typing import Final

import polars as pl

_FIRST_KNOWN: Final = (
    "external_id", "task_id", "rerun_of", "session_id", "user_id", "task_type", "workflow", "release", "environment",
    "purpose", "metadata", "autonomy_level",
)  # fmt: skip
_SPENT: Final = ("input_tokens", "output_tokens")
_SPENT_WITHIN: Final = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_AGENTS: Final = pl.col("type").is_in(("agent", "workflow")) & ~pl.col("wrapper")
_CALL: Final = pl.col("type") == "llm_call"
_TOOL: Final = (pl.col("type") == "tool_call") | ((pl.col("type") == "handoff") & pl.col("tool").is_not_null())
"""Hand-overs made by a tool are calls of it, too."""
_TOP: Final = pl.col("depth") == 0
_ERROR: Final = pl.col("status") == "error"
_PRICED: Final = pl.col("type").is_in(("llm_call", "embedding", "rerank"))


def of_spans(placed: pl.DataFrame) -> pl.DataFrame:
    """One row per execution. Of several spans that know a fact the first in time gives it."""
    root = pl.col("parent_span_id").is_null()
    open_root = root & (pl.col("ended_at").is_null() | pl.col("pending"))
    known = [name for name in _FIRST_KNOWN if placed[name].null_count() < placed.height]
    tags = pl.col("tags").explode(empty_as_null=True).drop_nulls().unique().sort()
    tagged = bool((placed["tags"].list.len() > 0).any())
    return (
        placed.lazy()
        .group_by("execution_id", maintain_order=True)
        .agg(
            *(pl.col(name).drop_nulls().first() for name in known),
            pl.col("service").first(),
            tags if tagged else pl.col("tags").first(),
            pl.col("outcome_success").drop_nulls().last().alias("code"),
            pl.col("escalation").drop_nulls().first(),
            pl.col("user_message").filter(pl.col("type") == "none").drop_nulls().first().alias("passed_message"),
            pl.col("started_at").first(),
            pl.col("ended_at").filter(root).max().alias("root_ended_at"),
            pl.col("ended_at").max().alias("last_ended_at"),
            root.any().alias("has_root"),
            (root.any() & ~open_root.any()).alias("root_ended"),
            pl.col("step_index").is_not_null().any().alias("untimed"),
            pl.len().alias("span_count"),
            pl.col("received_at").max().alias("last_received_at"),
        )
        .with_columns(pl.lit(None, placed.schema[name]).alias(name) for name in _FIRST_KNOWN if name not in known)
        .collect()
    )


def of_steps(steps: pl.DataFrame) -> pl.DataFrame:
    """One row per execution: counts, sums, words, and what its status depends on."""
    expressions = [*_counts(), *_sums(), *_words(), *_signs()]
    return steps.lazy().group_by("execution_id", maintain_order=True).agg(expressions).collect()


def _counts() -> list[pl.Expr]:
    return [
        pl.len().alias("step_count"),
        _CALL.sum().alias("llm_call_count"),
        _TOOL.sum().alias("tool_call_count"),
        (_TOOL & _ERROR).sum().alias("tool_error_count"),
        ((pl.col("attempt") > 1) & ~pl.col("wrapper")).sum().alias("retry_count"),
        _ERROR.sum().alias("error_count"),
        pl.col("input_tokens").filter(_CALL).max().alias("context_tokens_max"),
    ]


def _sums() -> list[pl.Expr]:
    """Sums of what is known; null where one that must count is not.

    A call that failed without usage was not billed, and one that runs is not over: neither leaves a sum unknown.
    """
    unspent = _ERROR & pl.col("input_tokens").is_null() & pl.col("output_tokens").is_null()
    over = ~unspent & (pl.col("status") != "running")
    unpriced = (_PRICED & over & pl.col("cost_usd").is_null()).sum()
    cost = pl.when((unpriced == 0) & pl.col("cost_usd").is_not_null().any()).then(pl.col("cost_usd").sum())
    return [
        unpriced.alias("unpriced_calls"),
        cost.alias("cost_usd"),
        *(_sum(name, must_count=_CALL & over & ~pl.col("counted_above")) for name in _SPENT),
        *(_sum(name, must_count=pl.lit(value=False)) for name in _SPENT_WITHIN),
        _worked().alias("critical_path_ms"),
    ]


def _sum(column: str, *, must_count: pl.Expr) -> pl.Expr:
    known = pl.col(column).is_not_null()
    return pl.when(known.any() & ~(must_count & ~known).any()).then(pl.col(column).sum()).alias(column)


def _worked() -> pl.Expr:
    """Time on the critical path that no person was waited for; null where no step is timed, or one still runs."""
    known = (
        pl.col("critical_path_ms").is_not_null().any() & ~pl.col("status").is_in(("running", "pending_approval")).any()
    )
    return pl.when(known).then(pl.col("critical_path_ms").filter(pl.col("type") != "approval").sum())


def _words() -> list[pl.Expr]:
    """Input and output: of the root, else of the highest agent, else the first and the last words of the calls.

    What was said before a call failed is no answer.
    """
    highest = _AGENTS & (pl.col("depth") == pl.col("depth").filter(_AGENTS).min())
    failed = pl.col("position").filter(_CALL & _ERROR).max().fill_null(0)
    answers = (_CALL | pl.col("wrapper")) & (pl.col("asked_tools").list.len() == 0) & (pl.col("position") > failed)
    sent = (_first("input", _TOP & _AGENTS), _first("input", _AGENTS))
    asked = pl.coalesce("user_message", "input")  # of a conversation that is sent whole, the words of this turn
    said = (_first(asked, _TOP & _AGENTS), _first(asked, _AGENTS), _first("user_message"), _first("input"))
    digests = (_first("input_digest", _TOP & _AGENTS), _first("input_digest", _AGENTS), _first("input_digest", _CALL))
    named = (_first("agent", _TOP), _first("agent", pl.col("type") == "agent"), _first("agent"))
    return [
        pl.coalesce(*said).alias("input"),
        pl.coalesce(*sent).alias("agent_input"),
        pl.coalesce(*digests).alias("asked_digest"),
        _last("output", _TOP & _AGENTS).alias("root_output"),
        pl.coalesce(_last("output", highest), _last("output", answers)).alias("answer"),
        pl.coalesce(*named).alias("agent"),
        pl.col("name").filter(_TOP & _AGENTS & (pl.col("type") == "workflow")).first().alias("workflow_step"),
    ]


def _signs() -> list[pl.Expr]:
    refused = pl.col("status") == "rejected"
    top_agent = _TOP & _AGENTS
    return [
        pl.col("corrected").any(),
        (pl.col("status") == "pending_approval").any().alias("waiting"),
        refused.any().alias("said_refused"),
        (refused & ~pl.col("flags").list.contains("guessed")).any().alias("refused"),
        ((pl.col("type") == "approval") | pl.col("approval_id").is_not_null()).any().alias("asked_person"),
        (top_agent & pl.col("ended_at").is_null()).any().alias("agent_open"),
        top_agent.any().alias("has_agent"),
        _ended_in_error().alias("in_error"),
    ]


def _ended_in_error() -> pl.Expr:
    """Whether a root step or an agent failed and nothing worked after it: the worst of them, not the root alone.

    A model call that failed last ends a run that tells what it was asked and gave no answer: some roots say ok always.
    """
    holders = _TOP | _AGENTS
    unanswered = pl.col("input").is_not_null().any() & pl.col("output").filter(holders).is_null().all()
    at_fault = (holders | ((pl.col("type") == "llm_call") & unanswered)) & _ERROR & ~pl.col("recovered")
    failed_at = pl.coalesce("ended_at", "started_at").filter(at_fault).max()
    worked_at = pl.col("started_at").filter((pl.col("status") == "ok") & (pl.col("type") != "workflow")).max()
    return failed_at.is_not_null() & (worked_at < failed_at).fill_null(value=True)


def _first(column: str | pl.Expr, where: pl.Expr | None = None) -> pl.Expr:
    values = pl.col(column) if isinstance(column, str) else column
    return (values if where is None else values.filter(where)).drop_nulls().first()


def _last(column: str, where: pl.Expr) -> pl.Expr:
    return pl.col(column).filter(where).drop_nulls().last()
