"""Reads of closed segments: the manifest says which files can hold a row, so no other file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from whichstep_store.access import Database, quoted


def texts(
    database: Database,
    folder: Path,
    trace_ids: Sequence[str],
    ranges: Sequence[tuple[int, int]],
    columns: Sequence[str],
) -> pa.Table:
    """Some text columns of the sealed spans of these traces, with trace_id, span_id and digest; ids in hex."""
    files = {path for since, until in ranges for path in _files(database, folder, since, until)}
    schema = _schema(columns)
    if not files or not trace_ids:
        return schema.empty_table()
    names = ", ".join(columns)
    wanted = ", ".join(f"cast({quoted(trace_id)} as uuid)" for trace_id in trace_ids)
    listed = ", ".join(quoted(path) for path in sorted(files))
    return database.read(f"""
        select
            replace(cast(trace_id as varchar), '-', '') as trace_id,
            span_id,
            replace(cast(digest as varchar), '-', '') as digest,
            {names}
        from read_parquet([{listed}])
        where trace_id in ({wanted})
    """)


def _schema(columns: Sequence[str]) -> pa.Schema:
    keys = [("trace_id", pa.string()), ("span_id", pa.uint64()), ("digest", pa.string())]
    return pa.schema([*keys, *((name, pa.string()) for name in columns)])


def _files(database: Database, folder: Path, since: int, until: int) -> list[str]:
    """Segments with spans that may have started between two times, in nanoseconds since the epoch."""
    found = database.read(
        """
        select segment_id from segments
        where kind = 'spans'
            and max_started_at >= make_timestamp_ns($since)
            and min_started_at <= make_timestamp_ns($until)
        """,
        {"since": since, "until": until},
    )
    return [str(folder / f"{segment_id}.parquet") for segment_id in found["segment_id"].to_pylist()]
