"""Of each execution the answer, and the texts that it may rest on; and what the check finds. Pure: frames in, one out.

Most answers name nothing that can be looked up; `silent` tells those by their previews, so that nobody has to read the
texts that they rest on.

The answer is the output of the last model call that worked, else that of the topmost step. Sources are the inputs of
model calls (less what the model itself said before) and of topmost steps, results of tools, documents, and outputs of
steps in between that are no model, agent or workflow and have no steps below them.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import polars as pl

from whichstep_analytics.grounding.check import check, leaves
from whichstep_analytics.grounding.values import values
from whichstep_analytics.jobs.frames import schema_of
from whichstep_store.results import GROUNDING_FIELDS

VERSION: Final = 2
"""Raised with every change of the check; older findings are made again."""
TEXT_CHARACTERS_MAX: Final = 4_000_000
"""An execution with more is not checked: reading that much costs a second."""
_WHOLE_BYTES: Final = 1024 - 4
"""A preview of no more bytes is the whole text: it is cut at 1 KiB, at a character."""
_GIVEN: Final = ("result", "sources")
_MADE: Final = ("agent", "workflow", "llm_call")


class _Text(NamedTuple):
    """A text of a step, and what it can be."""

    step_id: str
    text: str
    called: bool
    """The answer of a model call that worked."""
    topmost: bool
    """The output of a topmost step."""
    given: bool
    """The input of a model call or a topmost step."""
    source: bool
    """Anything else that an answer may rest on."""


def silent(due: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """GROUNDING_FIELDS of the executions whose answer is short enough to stand in its preview, and names no value.

    Args:
        due: execution_id, span_count.
        steps: rows of the query `grounding_steps`.
    """
    said = steps.filter(pl.col("output").str.strip_chars() != "").sort("execution_id", "position")
    is_call = (pl.col("type") == "llm_call") & (pl.col("status") == "ok")
    called = said.filter(is_call).unique("execution_id", keep="last")
    topmost = said.filter(pl.col("parent_step_id").is_null()).unique("execution_id", keep="first")
    answers = pl.concat([called, topmost.join(called, on="execution_id", how="anti")])
    short = answers.filter(pl.col("output").str.len_bytes() <= _WHOLE_BYTES)
    nothing = [not _names_values(text) for text in short["output"]]
    found = due.join(short.filter(pl.Series(nothing, dtype=pl.Boolean)), on="execution_id", maintain_order="left")
    return found.select(
        "execution_id",
        pl.col("step_id").str.to_integer(base=16, dtype=pl.UInt64),
        "span_count",
        pl.lit(VERSION).alias("version"),
        pl.lit(0).alias("checked"),
        pl.lit([], pl.List(pl.String)).alias("ungrounded"),
    ).cast(schema_of(GROUNDING_FIELDS))


def _names_values(text: str) -> bool:
    return _VALUE.search(text) is not None and bool(values("\n".join(leaves(text, of_model=True))))


def run(due: pl.DataFrame, steps: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """GROUNDING_FIELDS, one row per execution of `due`; of one whose texts hold no answer nothing is checked.

    Args:
        due: execution_id, span_count.
        steps: rows of the query `grounding_steps`.
        texts: execution_id, step_id, field, part, text; whole texts, each part once.
    """
    told = texts.join(_described(steps), on=["execution_id", "step_id"]).sort(
        "execution_id", "position", "field", "part"
    )
    rows = told.select("execution_id", "step_id", "text", *_ROLES).iter_rows()
    parts = {key: [_Text(*row[1:]) for row in part] for key, part in groupby(rows, key=itemgetter(0))}
    found = [
        _checked(execution_id, count, parts.get(execution_id, []))
        for execution_id, count in due.select("execution_id", "span_count").iter_rows()
    ]
    return pl.DataFrame(found, schema=schema_of(GROUNDING_FIELDS), orient="row")


def _described(steps: pl.DataFrame) -> pl.DataFrame:
    parents = steps.select("execution_id", step_id="parent_step_id").drop_nulls().unique()
    above = steps.join(parents, on=["execution_id", "step_id"], how="semi").select("execution_id", "step_id")
    marked = steps.join(above.with_columns(has_steps=True), on=["execution_id", "step_id"], how="left")
    return marked.select(
        "execution_id", "step_id", "type", "position", "status",
        pl.col("parent_step_id").is_null().alias("top"),
        pl.col("has_steps").is_null().alias("leaf"),
    )  # fmt: skip


def _checked(execution_id: str, span_count: int, texts: list[_Text]) -> tuple[object, ...]:
    answer = _answer(texts)
    if not answer or sum(len(each.text) for each in texts) > TEXT_CHARACTERS_MAX:
        return execution_id, None, span_count, VERSION, 0, []
    step_id = answer[0].step_id
    sources = [each.text for each in texts if each.given or (each.source and each.step_id != step_id)]
    found = check([each.text for each in answer], sources)
    values = [value.text for value in found.ungrounded]
    return execution_id, int(step_id, 16), span_count, VERSION, found.checked, values


def _answer(texts: list[_Text]) -> list[_Text]:
    """The parts of the answer, all of one step; none where no text holds it."""
    called = [each for each in texts if each.called]
    topmost = [each for each in texts if each.topmost]
    step_id = called[-1].step_id if called else topmost[0].step_id if topmost else None
    return [each for each in called or topmost if each.step_id == step_id]


_VALUE: Final = re.compile(r"\d|@|://")
"""Every value has a digit, but for addresses."""
_OUTPUT: Final = (pl.col("field") == "output") & (pl.col("text").str.strip_chars() != "")
_COMPUTED: Final = (pl.col("field") == "output") & pl.col("leaf") & ~pl.col("type").is_in(_MADE)
_IS: Final[dict[str, pl.Expr]] = {
    "called": _OUTPUT & (pl.col("type") == "llm_call") & (pl.col("status") == "ok"),
    "topmost": _OUTPUT & pl.col("top"),
    "given": (pl.col("field") == "input") & (pl.col("top") | (pl.col("type") == "llm_call")),
    "source": pl.col("field").is_in(_GIVEN) | _COMPUTED,
}
_ROLES: Final = [is_so.fill_null(value=False).alias(role) for role, is_so in _IS.items()]
