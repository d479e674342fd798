"""A model wrote a tool call as text, so that nothing ran it, or arguments that are no JSON."""

from __future__ import annotations

import polars as pl

from whichstep_analytics.failure import evidence, lexicon


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """Model calls without a tool call whose text holds one, and those that asked with broken arguments.

    A text preview ends at 1 KiB: a call written behind that is not seen.
    """
    silent = (pl.col("type") == "llm_call") & (pl.col("status") == "ok") & (pl.col("asked_tools").list.len() == 0)
    as_text = steps.filter(silent).filter(pl.col("output").str.contains(lexicon.CALL_AS_TEXT))
    opened = pl.col("arguments").str.contains(r"^\s*[{\[]") & ~pl.col("arguments").str.contains(r"[}\]]\s*$")
    short = pl.col("arguments").str.len_bytes() < evidence.PREVIEW_BYTES
    broken = steps.filter((pl.col("type") == "tool_call") & pl.col("arguments_digest").is_not_null() & short & opened)
    return pl.concat([
        evidence.suspected(
            as_text,
            kind="malformed_output",
            score=0.7,
            reason=pl.lit("a tool call was written as text, so that nothing ran it"),
        ),
        evidence.suspected(
            broken,
            kind="malformed_output",
            score=0.5,
            reason=pl.format("the arguments of {} are no JSON", "action"),
            cause=pl.col("requested_by"),
        ),
    ])  # fmt: skip
