"""Frames as JSON documents: times ISO 8601 in UTC with nine digits, no NaN, what was JSON text as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

import polars as pl
import polars.selectors as cs
import pyarrow as pa

Document: TypeAlias = dict[str, Any]

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.9fZ"


def frame(table: pa.Table) -> pl.DataFrame:
    """An Arrow table of the store as a Polars frame, without a copy where the layout allows."""
    return cast("pl.DataFrame", pl.from_arrow(table))


def documents(rows: pl.DataFrame, *, parsed: Iterable[str] = ()) -> list[Document]:
    """One dictionary a row that JSON can hold; the columns in `parsed` are JSON text and become what it says."""
    plain = rows.with_columns(
        cs.datetime().dt.strftime(TIME_FORMAT),
        cs.float().replace([float("nan"), float("inf"), float("-inf")], None),
    ).to_dicts()
    for name in parsed:
        for row in plain:
            row[name] = parse(row[name])
    return plain


def parse(text: str | None) -> Any:
    """The value of JSON text; a text that is not whole JSON (a cut preview) stays text, none stays none."""
    if text is None:
        return None
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        return text
