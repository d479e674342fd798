"""The open rows at the start: none, but for a file of an older build, which kept them in its tables."""

from __future__ import annotations

import uuid

import pyarrow as pa

from whichstep_store.access import Database
from whichstep_store.batches import (
    CONTENT_SCHEMA,
    LOG_SCHEMA,
    SPAN_SCHEMA,
    UUID,
    UUIDS,
    JournalPosition,
)
from whichstep_store.open_rows import Change, OpenRows


def taken_from(database: Database) -> OpenRows:
    """Open rows that cover the journal up to the sealed position; with rows of an older build, up to the loaded one.

    The file keeps those rows until they are sealed, which the start does next.
    """
    open_rows = OpenRows(None)
    content = _rows(database, "select trace_id, hash, text from content_open", CONTENT_SCHEMA)
    change = Change(
        spans=_rows(database, "select * from span_open", SPAN_SCHEMA),
        content=open_rows.unknown_content(content),
        logs=_rows(database, "select * from log_open", LOG_SCHEMA),
        replaced=frozenset(),
        position=None,
    )
    older = any(rows.num_rows for rows in (change.spans, content, change.logs))
    open_rows.position = _position(database, "journal_position" if older else "sealed_position")
    open_rows.apply(change)
    return open_rows


def _rows(database: Database, sql: str, schema: pa.Schema) -> pa.Table:
    rows = database.read(sql)
    columns = [_column(rows[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """The column as batches have it: DuckDB gives UUIDs as text."""
    if kind == UUID:
        return pa.array([value and uuid.UUID(value).bytes for value in column.to_pylist()], kind)
    if kind == UUIDS:
        lists = [ids and [uuid.UUID(value).bytes for value in ids] for ids in column.to_pylist()]
        return pa.array(lists, pa.list_(pa.binary(16))).cast(kind)
    return column.cast(kind)


def _position(database: Database, table: str) -> JournalPosition | None:
    rows = database.read(f"select segment, byte_offset from {table}").to_pylist()
    return JournalPosition(**rows[0]) if rows else None
