"""Reads of closed segments: the manifest says which files can hold a row, so no other file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from whichstep_store.access import Database, quoted
from whichstep_store.segments import Folder, Kind, read


def spans(
    database: Database, folder: Folder, trace_ids: Sequence[str], ranges: Sequence[tuple[int, int]], columns: str
) -> pa.Table:
    """The sealed spans of these traces, superseded ones too; `columns` is a select list over a segment's columns."""
    return database.read(f"select {columns} from ({rows_of_traces(database, folder, 'spans', trace_ids, ranges)})")


def rows_of_traces(
    database: Database, folder: Folder, kind: Kind, trace_ids: Sequence[str], ranges: Sequence[tuple[int, int]]
) -> str:
    """A query over the rows of these traces in segments that can hold them.

    `ranges` are stretches of time, in nanoseconds since the epoch, in which the spans of the traces started. The ids
    are written into the text because DuckDB skips row groups for constants only.
    """
    listed = {path for since, until in ranges for path in _files(database, folder, kind, since, until)}
    wanted = ", ".join(f"cast({quoted(trace_id)} as uuid)" for trace_id in trace_ids)
    condition = f"trace_id in ({wanted})" if trace_ids else "false"
    return f"select * from {read(kind, sorted(listed))} where {condition}"


def _files(database: Database, folder: Folder, kind: Kind, since: int, until: int) -> list[Path]:
    found = database.read(
        """
        select segment_id from segments
        where kind = $kind
            and coalesce(max_started_at >= make_timestamp_ns($since), true)
            and coalesce(min_started_at <= make_timestamp_ns($until), true)
        """,
        {"kind": kind, "since": since, "until": until},
    )
    paths = (folder.file(segment_id) for segment_id in found["segment_id"].to_pylist())
    return [path for path in paths if path.exists()]
