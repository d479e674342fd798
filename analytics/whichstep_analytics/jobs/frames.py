"""Arrow in, Polars between, Arrow out: the frames that jobs take and give, as `whichstep_store.results` declares them.

Inside the jobs ids are hex text, span ids UInt64, times naive UTC in nanoseconds. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import polars as pl
import pyarrow as pa

from whichstep_store.batches import LOG_FIELDS, SPAN_FIELDS, UUID, UUIDS, Batch
from whichstep_store.hexes import hexed
from whichstep_store.results import EVALUATION_FIELDS, JOB_SPAN_COLUMNS, Fields

_KINDS: Final[dict[str, pl.DataType]] = {
    str(pa.string()): pl.String(),
    str(pa.bool_()): pl.Boolean(),
    str(pa.int16()): pl.Int16(),
    str(pa.int32()): pl.Int32(),
    str(pa.int64()): pl.Int64(),
    str(pa.uint8()): pl.UInt8(),
    str(pa.uint64()): pl.UInt64(),
    str(pa.float64()): pl.Float64(),
    str(pa.timestamp("ns")): pl.Datetime("ns"),
    str(UUID): pl.String(),
    str(UUIDS): pl.List(pl.String()),
    str(pa.list_(pa.string())): pl.List(pl.String()),
    str(pa.list_(pa.uint64())): pl.List(pl.UInt64()),
}


@cache
def schema_of(fields: Fields) -> pl.Schema:
    """The Polars schema of a field list of `whichstep_store.results`."""
    return pl.Schema({name: _KINDS[str(kind)] for name, kind, _ in fields})


_SPAN_KINDS: Final = {name: kind for name, kind, _ in SPAN_FIELDS}
SPAN_SCHEMA: Final = schema_of(tuple((name, _SPAN_KINDS[name], True) for name in JOB_SPAN_COLUMNS))


def from_arrow(table: pa.Table) -> pl.DataFrame:
    """The table as Polars; text in any Arrow layout becomes String."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table never becomes a Series
    return frame


def shaped(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Exactly the columns of `schema`, in its order and types. Raises where one is missing or cannot be cast."""
    # column by column: a query of its own costs some 0.5 ms, and a recompute of a few executions shapes 27 frames
    return pl.DataFrame([_cast(frame.get_column(name), kind) for name, kind in schema.items()])


def _cast(values: pl.Series, kind: pl.DataType) -> pl.Series:
    return values if values.dtype == kind else values.cast(kind)


def spans_from(table: pa.Table) -> pl.DataFrame:
    """`JobInputs.spans` as Polars, in the declared order and types."""
    return shaped(from_arrow(table), SPAN_SCHEMA)


def to_arrow(frame: pl.DataFrame, fields: Fields) -> pa.Table:
    """The frame as an Arrow table of exactly these fields. Raises when a column is missing."""
    return shaped(frame, schema_of(fields)).to_arrow()


def empty(fields: Fields) -> pl.DataFrame:
    """A frame of these fields without rows."""
    return pl.DataFrame(schema=schema_of(fields))


def batch_spans(batches: Sequence[Batch]) -> pl.DataFrame:
    """What the store would read back as `JobInputs.spans` after loading these batches; for runs without a store."""
    tables = [pa.Table.from_batches([batch.spans]).select(list(JOB_SPAN_COLUMNS)) for batch in batches]
    return spans_from(hexed(pa.concat_tables(tables))) if tables else pl.DataFrame(schema=SPAN_SCHEMA)


def batch_evaluations(batches: Sequence[Batch]) -> pl.DataFrame:
    """What the store would read back as `JobInputs.evaluations`: those that senders claim, none of a reviewer."""
    names = [name for name, _, _ in LOG_FIELDS if name not in {"body", "attributes", "digest"}]
    tables = [pa.Table.from_batches([batch.logs]).select(names) for batch in batches]
    if not tables:
        return empty(EVALUATION_FIELDS)
    logs = from_arrow(hexed(pa.concat_tables(tables))).filter(pl.col("evaluation_name").is_not_null())
    return logs.rename({"execution_key": "execution_id"}).select(
        "execution_id",
        "trace_id",
        "span_id",
        "response_id",
        *(pl.col(f"evaluation_{name}").alias(name) for name in ("name", "score", "label", "explanation", "source")),
        pl.lit(value=False).alias("trusted"),
        pl.lit(None, pl.Float64).alias("inclusion_probability"),
        "occurred_at",
    )
