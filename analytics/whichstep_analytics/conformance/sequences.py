"""What executions did, as one sequence of named activities each: by a contract's steps, or as they were recorded.

Without a contract the activities are the outermost steps that act: a graph's nodes, an agent's calls of models and
tools. Calls of models are one activity, `model`, whatever model answered; what a step does inside is its own business.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep.contract.machine import ACT, DECLARED, FRAMES, TOOL
from whichstep_analytics.conformance.events import Events, placed
from whichstep_analytics.jobs import tree

MODEL: Final = "model"
SEQUENCE_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "position": pl.Int32(),
        "label": pl.String(),
        "failed": pl.Boolean(),
    }
)


def of_contract(events: Events) -> pl.DataFrame:
    """SEQUENCE_SCHEMA, in order: the steps that the contract's automaton has a word on."""
    outside = (pl.col("kind") == ACT) & pl.col("scope").is_null()
    ordered = pl.col("kind").is_in((DECLARED, TOOL)) | outside | pl.col("refused")
    return _shaped(events.rows.filter(ordered))


def recorded(steps: pl.DataFrame) -> pl.DataFrame:
    """SEQUENCE_SCHEMA, in order: the outermost steps that acted."""
    steps = placed(steps)
    acts = ~steps["type"].is_in(list(FRAMES))
    outermost = acts & tree.nearest(steps["parent_at"], kept=acts).is_null()
    label = pl.when(pl.col("type") == "llm_call").then(pl.lit(MODEL)).otherwise("name").alias("label")
    return _shaped(steps.filter(outermost).with_columns(label, (pl.col("status") == "error").alias("failed")))


def variants(sequences: pl.DataFrame) -> pl.DataFrame:
    """execution_id and `labels`, in order, of each execution that did anything."""
    return sequences.group_by("execution_id", maintain_order=True).agg(pl.col("label").alias("labels"))


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("execution_id", "position").select(
        pl.col(name).cast(kind) for name, kind in SEQUENCE_SCHEMA.items()
    )
