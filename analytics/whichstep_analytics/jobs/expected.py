"""Which tools would have been right in an execution, who says so, and how the calls that were made compare.

The strongest statement counts: a person's label, what the execution's own code expects, an example (the same case or
the same input as an execution that a person labelled), what holds for the task type. Of equals the latest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from whichstep_analytics.tool_choice import UNJUDGED, Call, Judgement, judge

LABEL, CODE, EXAMPLE, TASK_TYPE = "label", "code", "example", "task_type"
_STRENGTH: Final = {LABEL: 4, CODE: 3, EXAMPLE: 2, TASK_TYPE: 1}
_SCHEMA: Final = pl.Schema({"execution_id": pl.String(), "expectation": pl.String(), "expectation_source": pl.String()})
JUDGEMENT_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "tool_accuracy": pl.Float64(),
        "tools_expected": pl.Int32(),
        "tools_called": pl.Int32(),
        "tools_matched": pl.Int32(),
        "calls_matched": pl.Int32(),
        "tool_order": pl.Float64(),
        "expected_escalation": pl.Boolean(),
    }
)
MATCH_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "expected": pl.String(),
        "chosen": pl.String(),
        "step_id": pl.UInt64(),
        "arguments_match": pl.Boolean(),
    }
)


def of_executions(placed: pl.DataFrame, executions: pl.DataFrame, expectations: pl.DataFrame) -> pl.DataFrame:
    """execution_id, expectation, expectation_source of the executions for which something was expected.

    `executions` has execution_id, task_id, task_type, input_digest; `expectations` are results.EXPECTATION_FIELDS.
    """
    coded = placed.filter(pl.col("expectation").is_not_null()).select(
        "execution_id", "expectation", pl.lit(CODE).alias("expectation_source"), pl.col("started_at").alias("stated_at")
    )
    return (
        pl.concat([coded, *_of_ledger(executions, expectations)])
        .with_columns(pl.col("expectation_source").replace_strict(_STRENGTH, return_dtype=pl.Int8).alias("strength"))
        .sort("strength", "stated_at", "expectation")
        .unique("execution_id", keep="last", maintain_order=True)
        .select(_SCHEMA.names())
    )


def _of_ledger(executions: pl.DataFrame, expectations: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """What people stated: of the execution itself, of another run of the case, of one asked the same, of the type."""
    if expectations.is_empty():
        return
    known = executions.select("execution_id", "task_id", "task_type", "input_digest")
    of_types = expectations.filter(pl.col("labelled_id").is_null())
    labels = expectations.filter(pl.col("labelled_id").is_not_null())
    asked_the_same = ["task_type", "input_digest"]
    for source, said, keys in (
        (LABEL, labels.with_columns(execution_id="labelled_id"), ["execution_id"]),
        (EXAMPLE, labels, ["task_id"]),
        (EXAMPLE, labels, asked_the_same),
        (TASK_TYPE, of_types, ["task_type"]),
    ):
        found = known.join(said.select(*keys, "expectation", "stated_at"), on=keys)
        yield found.select("execution_id", "expectation", pl.lit(source).alias("expectation_source"), "stated_at")


def judged(executions: pl.DataFrame, steps: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """JUDGEMENT_SCHEMA and MATCH_SCHEMA of the executions with an expectation.

    `executions` has execution_id, expectation and escalated.
    """
    asked = executions.filter(pl.col("expectation").is_not_null()).select("execution_id", "expectation", "escalated")
    calls = _calls(steps.join(asked, on="execution_id", how="semi"))
    rows, matches = [], []
    for execution_id, text, escalated in asked.iter_rows():
        found = _judge(text, calls.get(execution_id, []), escalated=escalated)
        rows.append((execution_id, *found[:-1]))
        matches += [(execution_id, *match) for match in found.matches]
    return (
        pl.DataFrame(rows, schema=JUDGEMENT_SCHEMA, orient="row"),
        pl.DataFrame(matches, schema=MATCH_SCHEMA, orient="row"),
    )


def _calls(steps: pl.DataFrame) -> Mapping[str, list[Call]]:
    """Tool calls by execution, in order; hand-overs made by a tool are calls of it."""
    called = steps.filter(pl.col("type").is_in(("tool_call", "handoff")) & pl.col("tool").is_not_null())
    found: dict[str, list[Call]] = {}
    for execution_id, *call in (
        called.sort("execution_id", "position")
        .select("execution_id", "tool", "arguments_digest", pl.col("attempt") > 1, "step_id")
        .iter_rows()
    ):
        found.setdefault(execution_id, []).append(Call(*call))
    return found


def _judge(text: str, calls: list[Call], *, escalated: bool | None) -> Judgement:
    try:
        expectation: Any = json.loads(text)
    except ValueError:
        return UNJUDGED  # truncated or not ours: the truth is unknown
    return judge(expectation, calls, escalated=escalated) if isinstance(expectation, dict) else UNJUDGED
