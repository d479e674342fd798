"""Everything that closed segments hold, in order of arrival, a bounded piece at a time: for making history again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store.access import Database
from whichstep_store.batches import LOG_SCHEMA, SPAN_SCHEMA, UUID, UUIDS
from whichstep_store.open_rows import storage
from whichstep_store.segment_reads import rows_of_traces
from whichstep_store.segments import Folder, Segment

_ROWS: Final = 4096
"""Of a piece: with their texts some tens of megabytes."""


class Stored(NamedTuple):
    """Rows that one segment holds, with the texts of their traces."""

    received_day: date
    spans: pa.RecordBatch
    texts: Mapping[tuple[bytes, str], str]
    """By trace id and hash (32 hex digits)."""
    logs: pa.RecordBatch


def pieces(database: Database, folder: Folder) -> Iterator[Stored]:
    """All spans and log records of the listed segments. Of a span that was superseded, every row that there is.

    A segment whose file is missing is left out; `upkeep.verify` names it.
    """
    for segment in folder.listed():
        if segment.kind == "content" or not folder.file(segment.segment_id).exists():
            continue
        for rows in _batches(folder, segment):
            if segment.kind == "logs":
                yield Stored(segment.received_day, _none(SPAN_SCHEMA), {}, rows)
            else:
                yield Stored(segment.received_day, rows, _texts(database, folder, rows), _none(LOG_SCHEMA))


def _batches(folder: Folder, segment: Segment) -> Iterator[pa.RecordBatch]:
    schema = LOG_SCHEMA if segment.kind == "logs" else SPAN_SCHEMA
    from pyarrow import parquet  # noqa: PLC0415  see `segments`

    with parquet.ParquetFile(folder.file(segment.segment_id)) as file:
        for batch in file.iter_batches(_ROWS):
            columns = [_typed(batch, field.name, field.type) for field in schema]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _typed(batch: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    """A column as batches have it; an older build's segment may lack it, and DuckDB writes UUIDs as plain bytes."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, kind)
    column = batch[name]
    if column.type == kind:
        return column
    if kind == UUID:
        return pa.ExtensionArray.from_storage(UUID, column.cast(pa.binary(16)))
    if kind == UUIDS:
        ids = pa.ExtensionArray.from_storage(UUID, column.values.cast(pa.binary(16)))
        return pa.ListArray.from_arrays(
            column.offsets, ids, type=UUIDS, mask=column.is_null() if column.null_count else None
        )
    return column.cast(kind)


def _texts(database: Database, folder: Folder, spans: pa.RecordBatch) -> dict[tuple[bytes, str], str]:
    traces = [value.hex() for value in pc.unique(storage(spans["trace_id"])).to_pylist()]
    wanted = ", ".join(f"'{trace_id}'" for trace_id in traces)
    bounds = database.read(f"""
        select epoch_ns(min(started_at)) as since, epoch_ns(max(started_at)) as until
        from span_rows where trace_id in ({wanted})
    """).to_pylist()[0]
    ranges = [(bounds["since"], bounds["until"])] if bounds["since"] is not None else []
    rows = database.read(f"""
        select
            replace(cast(trace_id as varchar), '-', '') as trace,
            replace(cast(hash as varchar), '-', '') as hash,
            text
        from ({rows_of_traces(database, folder, "content", traces, ranges)})
    """)
    columns = (rows[name].to_pylist() for name in ("trace", "hash", "text"))
    return {(bytes.fromhex(trace), digest): text for trace, digest, text in zip(*columns, strict=True)}


def _none(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)
