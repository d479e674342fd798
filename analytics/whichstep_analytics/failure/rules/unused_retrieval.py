"""Documents were found, and the answer holds none of their names or numbers."""

from __future__ import annotations

from typing import Final

import polars as pl

from whichstep_analytics.failure import evidence

_TELLING: Final = r"\b[A-Z][a-z]{3,}\b|\d[\d.,]*\d"
"""Capitalised words and numbers of two digits or more."""
_FEW: Final = 3
"""An answer with fewer of them, or a result with fewer, says too little to compare."""


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The last answer after retrievals with documents, where the previews share nothing."""
    found = steps.filter((pl.col("type") == "retrieval") & ~pl.col("came_back_empty"))
    if found.is_empty():
        return evidence.no_suspects()
    told = pl.col("result").fill_null("").str.extract_all(_TELLING)
    documents = found.group_by("execution_id").agg(told.explode().unique().alias("documents"))
    answers = steps.filter((pl.col("type") == "llm_call") & (pl.col("asked_tools").list.len() == 0))
    answers = answers.unique("execution_id", keep="last", maintain_order=True).join(documents, on="execution_id")
    said = pl.col("output").fill_null("").str.extract_all(_TELLING).list.unique()
    enough = (said.list.len() >= _FEW) & (pl.col("documents").list.drop_nulls().list.len() >= _FEW)
    shared = said.list.set_intersection(pl.col("documents")).list.len()
    return evidence.suspected(
        answers.filter(enough & (shared == 0)),
        kind="wrong_answer",
        score=0.3,
        reason=pl.lit("the answer holds no name or number of the documents that were found"),
    )
