"""One line that says what came out of a step."""

from __future__ import annotations

from typing import Final

import polars as pl

_WIDTH: Final = 160


def one_line() -> pl.Expr:
    """The sender's own line, else: the error, the tools asked for, the number of documents, the start of the answer."""
    error = pl.concat_str([pl.col("error_type"), pl.col("error_message")], separator=": ", ignore_nulls=True)
    asked = pl.lit("asks for ") + pl.col("asked_tools").list.join(", ")
    documents = pl.format("{} documents", "document_count")
    text = pl.coalesce("result", "output")
    return pl.coalesce(
        "output_summary",
        pl.when(pl.col("status") == "error").then(_short(error)),
        pl.when(pl.col("status") == "pending_approval").then(pl.lit("waits for a decision")),
        pl.when((pl.col("type") == "llm_call") & (pl.col("asked_tools").list.len() > 0)).then(asked),
        pl.when(pl.col("type") == "retrieval").then(documents),
        _short(text),
    )


def _short(text: pl.Expr) -> pl.Expr:
    return text.str.head(_WIDTH).str.replace_all("\n", " ", literal=True).str.strip_chars()
