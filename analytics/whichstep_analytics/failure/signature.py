"""One text for all failures of one kind at one place, however their numbers and names differ."""

from __future__ import annotations

from typing import Final

import polars as pl

_LENGTH_MAX: Final = 240
_MASKS: Final = (
    (r"(?s)Traceback .*", ""),
    (r"\"[^\"]*\"|'[^']*'|`[^`]*`", "'…'"),
    (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\b0x[0-9a-fA-F]+\b|\b[0-9a-fA-F]*\d[0-9a-fA-F]{7,}\b", "#"),
    (r"\d+([.,:]\d+)*", "#"),
    (r"\s+", " "),
)


def signature(path: pl.Expr, kind: pl.Expr, message: pl.Expr) -> pl.Expr:
    """`path · kind · message` with quoted parts, hex ids and numbers masked."""
    for pattern, mask in _MASKS:
        message = message.str.replace_all(pattern, mask)
    text = pl.concat_str([path, kind, message.str.strip_chars()], separator=" · ", ignore_nulls=True)
    return text.str.head(_LENGTH_MAX)
