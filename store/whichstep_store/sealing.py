"""Moves open rows into segments, and small segments of one day into larger ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store.access import Database, Session
from whichstep_store.batches import JournalPosition
from whichstep_store.open_rows import OpenRows
from whichstep_store.segments import KINDS, MERGE_LEVEL, Bounds, Folder, Kind, Segment, in_order, read

# Beside these up to 128 MB of spans that were sealed lately stay in memory for the jobs, for seconds (`open_rows`).
OPEN_BYTES_MAX: Final = 64 << 20
OPEN_SECONDS_MAX: Final = 900.0
# Segments below this size are merged once there are so many of one kind and day.
_SMALL_BYTES: Final = 8 << 20
_SMALL_SEGMENTS_MAX: Final = 32
# Under which name queries see the open rows of a kind.
OPEN_TABLES: Final[dict[Kind, str]] = {"spans": "span_open", "content": "content_open", "logs": "log_open"}


class Sealer:
    """Seals and compacts. Calls come from the writer, one at a time, while it holds the writers' turn."""

    def __init__(self, database: Database, folder: Folder, open_rows: OpenRows, clock: Callable[[], int]) -> None:
        self._database = database
        self._open = open_rows
        self._folder = folder
        self._clock = clock
        self._unneeded: list[Path] = []

    def seal(self) -> list[Segment]:
        """Writes everything open to closed segments, lists them in one transaction and forgets the open rows.

        Nobody adds open rows meanwhile: the caller has the writers' turn. Readers see them until the transaction ends.
        """
        self._remove_unneeded()
        tables = self._open.tables(OPEN_TABLES.values())
        rows = {kind: in_order(kind, tables[name]) for kind, name in OPEN_TABLES.items()}
        now = self._clock()
        day = _received_day(rows["spans"], rows["logs"], now)
        bounds = {"content": _started(rows["spans"])}
        written = [
            self._folder.write(kind, rows[kind], received_day=day, sealed_at=now, bounds=bounds.get(kind))
            for kind in KINDS
        ]
        segments = [segment for segment in written if segment is not None]
        if not segments:
            return []
        with self._database.writing() as session:
            self._folder.list_segments(session, segments)
            for table in OPEN_TABLES.values():
                session.execute(f"delete from {table}")
            _move_sealed_position(session, self._open.position)
            session.after_commit(lambda: self._open.clear(rows["spans"], sealed_at=now))
            self._folder.reached("listing")
        self._folder.reached("listed")
        return segments

    def compact(self) -> list[Segment]:
        """Merges the small segments of a kind and day where there are many; the merged ones."""
        small: dict[tuple[Kind, date], list[Segment]] = defaultdict(list)
        for segment in self._folder.listed():
            if segment.bytes < _SMALL_BYTES and self._folder.file(segment.segment_id).exists():
                small[segment.kind, segment.received_day].append(segment)
        many = [group for group in small.values() if len(group) >= _SMALL_SEGMENTS_MAX]
        return [self._merge(group) for group in many]

    def _merge(self, group: list[Segment]) -> Segment:
        kind = group[0].kind
        files = [self._folder.file(segment.segment_id) for segment in group]
        merged = self._folder.write_query(
            kind,
            _MERGED[kind].format(rows=read(kind, files)),
            received_day=group[0].received_day,
            sealed_at=max(self._clock(), *(segment.sealed_at + 1 for segment in group)),
            level=MERGE_LEVEL,
            bounds=_bounds(group) if kind == "content" else None,
        )
        with self._database.writing() as session:
            if kind == "spans":
                session.execute(_FORGET_SUPERSEDED.format(rows=read(kind, files)))
            self._folder.list_segments(session, [merged] if merged else [], group)
            self._folder.reached("merging")
        self._folder.reached("merged")
        self._database.checkpoint()
        # A query that began before may still open them: they go with the next seal, or the next start.
        self._unneeded += files
        return merged or group[0]

    def _remove_unneeded(self) -> None:
        while self._unneeded:
            self._unneeded.pop().unlink(missing_ok=True)


_MERGED: Final[dict[Kind, str]] = {
    "spans": """
        select * from {rows} as sealed
        where not exists (
            select 1 from spans_superseded as lost
            where lost.trace_id = sealed.trace_id and lost.span_id = sealed.span_id and lost.digest = sealed.digest
        )
    """,
    "content": "select trace_id, hash, any_value(text) as text from {rows} group by trace_id, hash",
    "logs": "select * from {rows}",
}
_FORGET_SUPERSEDED: Final = """
    delete from spans_superseded as lost using {rows} as sealed
    where lost.trace_id = sealed.trace_id and lost.span_id = sealed.span_id and lost.digest = sealed.digest
"""


def _move_sealed_position(session: Session, position: JournalPosition | None) -> None:
    if position is None:
        return
    session.execute("delete from sealed_position")
    session.execute("insert into sealed_position (segment, byte_offset) values (?, ?)", list(position))


def _received_day(spans: pa.Table, logs: pa.Table, now: int) -> date:
    """The UTC day of the latest arrival."""
    latest = [pc.max(rows["received_at"].cast(pa.int64())).as_py() for rows in (spans, logs) if rows.num_rows]
    return datetime.fromtimestamp(max(latest, default=now) // 1_000_000_000, UTC).date()


def _started(spans: pa.Table) -> Bounds | None:
    """First and last start of the spans."""
    if not spans.num_rows:
        return None
    bounds = pc.min_max(spans["started_at"].cast(pa.int64())).as_py()
    return bounds["min"], bounds["max"]


def _bounds(group: list[Segment]) -> tuple[int, int] | None:
    since = [segment.min_started_at for segment in group if segment.min_started_at is not None]
    until = [segment.max_started_at for segment in group if segment.max_started_at is not None]
    return (min(since), max(until)) if since and until and len(since) == len(group) else None
