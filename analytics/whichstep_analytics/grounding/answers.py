"""Of each execution the answer, and the texts that it may rest on; and what the check finds. Pure: frames in, one out.

The answer is the output of the last model call that worked, else that of the topmost step. Sources are the inputs of
model calls (less what the model itself said before) and of topmost steps, results of tools, documents, and outputs of
steps in between that are no model, agent or workflow and have no steps below them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from whichstep_analytics.grounding.check import check
from whichstep_analytics.jobs.frames import schema_of
from whichstep_store.results import GROUNDING_FIELDS

VERSION: Final = 1
"""Raised with every change of the check; older findings are made again."""
_GIVEN: Final = ("result", "sources")
_MADE: Final = ("agent", "workflow", "llm_call")


class _Answer(NamedTuple):
    step_id: str
    text: str


def run(due: pl.DataFrame, steps: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """GROUNDING_FIELDS, one row per execution of `due`; of one whose texts hold no answer nothing is checked.

    Args:
        due: execution_id, span_count.
        steps: rows of the query `grounding_steps`.
        texts: execution_id, step_id, field, text; whole texts.
    """
    beside = texts.join(_described(steps), on=["execution_id", "step_id"]).sort("execution_id", "position", "field")
    parts = {str(key[0]): part for key, part in beside.partition_by("execution_id", as_dict=True).items()}
    rows = [
        _checked(execution_id, count, parts.get(execution_id, beside.clear()))
        for execution_id, count in due.select("execution_id", "span_count").iter_rows()
    ]
    return pl.DataFrame(rows, schema=schema_of(GROUNDING_FIELDS), orient="row")


def _described(steps: pl.DataFrame) -> pl.DataFrame:
    parents = steps.select("execution_id", step_id="parent_step_id").drop_nulls().unique()
    above = steps.join(parents, on=["execution_id", "step_id"], how="semi").select("execution_id", "step_id")
    marked = steps.join(above.with_columns(has_steps=True), on=["execution_id", "step_id"], how="left")
    return marked.select(
        "execution_id", "step_id", "type", "position", "status",
        pl.col("parent_step_id").is_null().alias("top"),
        pl.col("has_steps").is_null().alias("leaf"),
    )  # fmt: skip


def _checked(execution_id: str, span_count: int, texts: pl.DataFrame) -> tuple[object, ...]:
    answer = _answer(texts)
    if answer is None:
        return execution_id, None, span_count, VERSION, 0, []
    sources = texts.filter(_is_source() & (pl.col("step_id") != answer.step_id) | _is_input())["text"].to_list()
    found = check(answer.text, sources)
    values = [value.text for value in found.ungrounded]
    return execution_id, int(answer.step_id, 16), span_count, VERSION, found.checked, values


def _answer(texts: pl.DataFrame) -> _Answer | None:
    outputs = texts.filter((pl.col("field") == "output") & (pl.col("text").str.strip_chars() != ""))
    called = outputs.filter((pl.col("type") == "llm_call") & (pl.col("status") == "ok"))
    row = called.tail(1) if called.height else outputs.filter("top").head(1)
    return _Answer(row["step_id"][0], row["text"][0]) if row.height else None


def _is_input() -> pl.Expr:
    return (pl.col("field") == "input") & (pl.col("top") | (pl.col("type") == "llm_call"))


def _is_source() -> pl.Expr:
    computed = (pl.col("field") == "output") & pl.col("leaf") & ~pl.col("type").is_in(_MADE)
    return pl.col("field").is_in(_GIVEN) | computed
