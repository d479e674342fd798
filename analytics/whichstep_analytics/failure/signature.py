"""One text for all failures of one kind at one place, however their numbers, ids and names differ.

It is made from one execution alone, so nothing that arrives before or after can change it. `failure.templates` finds
which of these texts differ in words only.
"""

from __future__ import annotations

from typing import Final

import polars as pl

SEPARATOR: Final = " · "
_LENGTH_MAX: Final = 240
_MASKS: Final = (
    (r"(?s)Traceback .*", ""),
    (r"\"[^\"]*\"|'[^']*'|`[^`]*`", "'…'"),
    (r"\b[a-z][a-z0-9+.-]*://[^\s)\]>,]+", "<url>"),
    (r"\b[\w.+-]+@[\w-]+(\.[\w-]+)+", "<address>"),
    (r"([A-Za-z]:\\|\B/)[\w.~-]+([/\\][\w.~-]+)+", "<path>"),
    (r"\b\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", "<date>"),
    (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\b0x[0-9a-fA-F]+\b|\b[0-9a-fA-F]*\d[0-9a-fA-F]{7,}\b", "#"),
    (r"\d+([.,:]\d+)*", "#"),
    (r"\s+", " "),
)


def signature(path: pl.Expr, kind: pl.Expr, message: pl.Expr) -> pl.Expr:
    """`path · kind · message` with quoted parts, addresses, paths, dates, ids and numbers masked."""
    for pattern, mask in _MASKS:
        message = message.str.replace_all(pattern, mask)
    text = pl.concat_str([path, kind, message.str.strip_chars()], separator=SEPARATOR, ignore_nulls=True)
    return text.str.head(_LENGTH_MAX)


def of_workflow(workflow: pl.Expr, path: pl.Expr, signature: pl.Expr) -> pl.Expr:
    """The signature with its workflow in front, where the path does not begin with it; null stays null."""
    said = path.eq(workflow) | path.str.starts_with(workflow + "/") | workflow.is_null()
    return (
        pl.when(said)
        .then(signature)
        .otherwise(pl.concat_str([workflow, signature], separator=SEPARATOR))
        .alias("failure_signature")
    )
