"""What every failure rule sees and gives: steps with a few derived columns in, suspects out."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.jobs import tree
from whichstep_analytics.jobs.frames import shaped

SUSPECT_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "at": pl.UInt32(),  # row of the suspected step
        "cause_step_id": pl.UInt64(),
        "kind": pl.String(),
        "score": pl.Float64(),  # how sure the rule is, 0 to 1
        "reason": pl.String(),
        "fails": pl.Boolean(),  # enough by itself; else only where the execution is known to have failed
    }
)
EXPECTATION_SCHEMA: Final = pl.Schema({"execution_id": pl.String(), "expectation": pl.String()})
ACTIONS: Final = ("tool_call", "retrieval", "handoff")
PREVIEW_BYTES: Final = 1024
"""Texts in steps are cut there."""
_ENDED: Final = ("ok", "error", "abandoned")
_WITNESSES: Final = ("human", "code", "evaluator")
_COLUMNS: Final = (
    "execution_id", "at", "parent_at", "step_id", "type", "name", "status", "recovered", "error_type", "error_message",
    "error_guessed", "requested_by", "started_at", "ended_at", "tool", "arguments", "arguments_digest", "result",
    "input", "output", "agent", "attempt", "document_count", "flags", "wrapper", "asked_tools", "finish_reason",
    "input_tokens", "ungrounded",
)  # fmt: skip
_SEARCHING: Final = r"(?i)search|retriev|find|query|lookup|knowledge|fetch"
"""Names of tools for which an empty result means that nothing was found."""
_NOTHING: Final = ("", "[]", "{}", "null", "None", '""', '{"documents": []}', '{"results": []}')


def prepare(steps: pl.DataFrame, executions: pl.DataFrame, expectations: pl.DataFrame | None = None) -> pl.DataFrame:
    """The columns that rules read, in one chunk: of the steps, of their execution, and derived ones.

    `hard`: an error that nothing recovered. `came_back_empty`: a search that found nothing. `acted_after`: the start of
    the last action of the execution that worked. `success`, `success_source`: of the execution, as far as known.
    `judged`: it ended, and somebody says that it failed; only then are words and habits evidence. `turn_at`: the row
    of the model call that answers for the step: itself, the one that asked for it, else the last one before it.
    `expectation`: JSON of `whichstep.expect`, null where nobody said what is right.
    """
    hard = (pl.col("status") == "error") & ~pl.col("recovered")
    worked = (pl.col("status") == "ok") & pl.col("type").is_in(ACTIONS) & ~pl.col("came_back_empty")
    return (
        steps.lazy()
        .select(_COLUMNS)
        .join(_outcomes(executions, expectations).lazy(), on="execution_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("tool", "name").alias("action"))
        .with_columns(hard.alias("hard"), pl.lit(_came_back_empty(steps)).alias("came_back_empty"))
        .with_columns(
            pl.col("started_at").filter(worked).max().over("execution_id").alias("acted_after"),
            pl.lit(_turns(steps)).alias("turn_at"),
        )
        .collect()
        .rechunk()
    )  # fmt: skip


def _outcomes(executions: pl.DataFrame, expectations: pl.DataFrame | None) -> pl.DataFrame:
    said = pl.col("success_source").is_in(_WITNESSES) & pl.col("status").is_in(_ENDED)
    judged = ((pl.col("success") == False) & said).fill_null(value=False)  # noqa: E712
    outcomes = executions.select("execution_id", "success", "success_source", judged.alias("judged"))
    if expectations is None or expectations.is_empty():
        return outcomes.with_columns(pl.lit(None, pl.String).alias("expectation"))
    latest = expectations.unique("execution_id", keep="last", maintain_order=True)
    return outcomes.join(latest, on="execution_id", how="left")


def _turns(steps: pl.DataFrame) -> pl.Series:
    """For each row the model call that answers for it, null where none came before."""
    is_call = pl.col("type") == "llm_call"
    before = pl.when(is_call).then("at").forward_fill().over("execution_id")
    asked = steps.filter(pl.col("requested_by").is_not_null()).select("execution_id", "at", step_id="requested_by")
    by_id = steps.select("execution_id", "step_id", pl.col("at").alias("asker"))
    askers = asked.join(by_id, on=["execution_id", "step_id"])
    return steps.select(before.alias("turn_at"))["turn_at"].scatter(askers["at"], askers["asker"])


def _came_back_empty(steps: pl.DataFrame) -> pl.Series:
    """Names are looked at only where the result is empty: seldom, and that costs more than all the rest."""
    none_found = (pl.col("document_count") == 0).fill_null(value=False)
    silent = steps.filter(
        (pl.col("status") == "ok")
        & pl.col("type").is_in(("tool_call", "retrieval"))
        & (none_found | pl.col("result").is_in(_NOTHING))
    )
    searching = (pl.col("type") == "retrieval") | pl.coalesce("tool", "name").str.contains(_SEARCHING)
    empty = silent.filter(none_found | searching.fill_null(value=False))
    return pl.zeros(steps.height, dtype=pl.UInt8, eager=True).scatter(empty["at"], 1) == 1


def suspected(
    rows: pl.DataFrame,
    *,
    kind: str | pl.Expr,
    score: float | pl.Expr,
    reason: pl.Expr,
    cause: pl.Expr | None = None,
    fails: bool | pl.Expr = False,
) -> pl.DataFrame:
    """The rows as suspects: SUSPECT_SCHEMA. `cause`: step id of the decision that led there, by default none."""
    if rows.is_empty():
        return no_suspects()
    return (
        rows.rechunk()  # Polars 2.1 panics in pl.format where a filter left an empty chunk
        .select(
            "execution_id",
            "at",
            (pl.lit(None) if cause is None else cause).alias("cause_step_id"),
            _constant(kind).alias("kind"),
            _constant(score).alias("score"),
            reason.alias("reason"),
            _constant(fails).alias("fails"),
        )
        .pipe(shaped, SUSPECT_SCHEMA)
    )


def _constant(value: str | float | pl.Expr) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value)


def went_on() -> pl.Expr:
    """Whether an action worked after the step had ended: the agent found another way."""
    return (pl.col("acted_after") >= pl.coalesce("ended_at", "started_at")).fill_null(value=False)


def inherited(steps: pl.DataFrame, marked: pl.Series) -> pl.Series:
    """Whether the same mark is on a step below, so that this one only passes it on."""
    return tree.has_descendant(steps["parent_at"], marked)


def no_suspects() -> pl.DataFrame:
    """A frame of suspects without rows."""
    return pl.DataFrame(schema=SUSPECT_SCHEMA)
