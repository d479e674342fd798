"""Moves open rows into segments, and small segments of one day into larger ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from whichstep_store import loading
from whichstep_store.access import Database, Session
from whichstep_store.segments import KINDS, MERGE_LEVEL, OPEN_SPANS, Folder, Kind, Segment, read

OPEN_BYTES_MAX: Final = 64 << 20
OPEN_SECONDS_MAX: Final = 900.0
# Segments below this size are merged once there are so many of one kind and day.
_SMALL_BYTES: Final = 8 << 20
_SMALL_SEGMENTS_MAX: Final = 8
# Keys of sealed content kept in memory, so that a conversation that goes on does not store its history again.
_RECENT_KEYS_MAX: Final = 100_000
_OPEN: Final[dict[Kind, str]] = {
    "spans": OPEN_SPANS,
    "content": "select trace_id, hash, text from content_open",
    "logs": "select * from log_open",
}
_OPEN_TABLES: Final = ("span_open", "content_open", "log_open")


class Sealer:
    """Seals and compacts. Calls come from the writer, one at a time, while it holds the writers' turn."""

    def __init__(self, database: Database, folder: Folder, clock: Callable[[], int]) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._unneeded: list[Path] = []

    def seal(self) -> list[Segment]:
        """Writes everything open to closed segments; lists them and empties the open tables in one transaction."""
        self._remove_unneeded()
        facts = self._database.read(_OPEN_FACTS).to_pylist()[0]
        if facts["received_at"] is None and not facts["contents"]:
            return []
        now = self._clock()
        day = _day(facts["received_at"] or now)
        bounds = None if facts["since"] is None else (facts["since"], facts["until"])
        written = [
            self._folder.write(
                kind,
                _OPEN[kind],
                received_day=day,
                sealed_at=now,
                bounds=bounds if kind == "content" else None,
            )
            for kind in KINDS
        ]
        segments = [segment for segment in written if segment is not None]
        with self._database.writing() as session:
            self._folder.list_segments(session, segments)
            _remember_content(session)
            for table in _OPEN_TABLES:
                session.execute(f"delete from {table}")
            _move_sealed_position(session)
            self._folder.reached("listing")
        self._folder.reached("listed")
        self._database.checkpoint()
        self._folder.reached("checkpointed")
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
        merged = self._folder.write(
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


_OPEN_FACTS: Final = """
    select
        (select epoch_ns(max(received_at)) from (
            select span_rows.received_at from span_open
            inner join span_rows
                on span_open.trace_id = span_rows.trace_id
                and span_open.span_id = span_rows.span_id
                and span_open.started_at = span_rows.started_at
            union all
            select received_at from log_open
        )) as received_at,
        (select count(*) from content_open) as contents,
        (select epoch_ns(min(started_at)) from span_open) as since,
        (select epoch_ns(max(started_at)) from span_open) as until
"""
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


def _remember_content(session: Session) -> None:
    """Keeps the keys of what is sealed now, and as many of those before as there is room for."""
    session.execute(loading.CREATE_CONTENT_RECENT)
    session.execute(_REMEMBER_CONTENT)


_REMEMBER_CONTENT: Final = f"""
    create or replace temp table content_recent as
    select trace_id, hash
    from (
        select trace_id, hash, 0 as age from content_open
        union all
        select trace_id, hash, 1 as age from content_recent
    )
    order by age
    limit {_RECENT_KEYS_MAX}
"""


def _move_sealed_position(session: Session) -> None:
    session.execute("delete from sealed_position")
    session.execute(
        "insert into sealed_position (segment, byte_offset) select segment, byte_offset from journal_position"
    )


def _bounds(group: list[Segment]) -> tuple[int, int] | None:
    since = [segment.min_started_at for segment in group if segment.min_started_at is not None]
    until = [segment.max_started_at for segment in group if segment.max_started_at is not None]
    return (min(since), max(until)) if since and until and len(since) == len(group) else None


def _day(nanoseconds: int) -> date:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).date()
