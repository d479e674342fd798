"""Brings files of segments that the manifest does not list back into it: after a crash, and to rebuild the database.

A file whose rows are all stored already adds nothing and is removed. Any other becomes a segment: its narrow rows go
into the tables, and of two rows of one span id the same one wins as when they arrive (`loading`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from whichstep_store.access import Database, Session
from whichstep_store.batches import LOG_SCHEMA, SPAN_ROW_COLUMNS
from whichstep_store.segments import Folder, Segment, read


def adopt_leftovers(database: Database, folder: Folder, clock: Callable[[], int], *, rebuilding: bool = False) -> int:
    """Adopts or removes every file that is not listed; the number of files adopted.

    When `rebuilding`, files of content are taken as they are: comparing each with all before it would take hours, and
    a text that is there twice changes no answer.
    """
    adopted = 0
    for path in _spans_first(folder.leftovers()):
        segment = folder.describe(path, sealed_at=clock())
        with database.writing() as session:
            adds = (rebuilding and segment.kind == "content") or _adopt(session, segment, path)
            if adds:
                folder.list_segments(session, [segment])
        adopted += adds
        if not adds:
            path.unlink()
    return adopted


def _spans_first(paths: Sequence[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: ("-spans-" not in path.stem, path.stem))


def _adopt(session: Session, segment: Segment, path: Path) -> bool:
    rows = read(segment.kind, [path])
    if segment.kind == "content":
        return bool(session.rows(_NEW_CONTENT.format(rows=rows))[0][0])
    if segment.kind == "logs":
        return session.execute(_INSERT_LOGS.format(rows=rows)) > 0
    return _adopt_spans(session, segment, rows)


def _adopt_spans(session: Session, segment: Segment, rows: str) -> bool:
    since, until = segment.min_started_at or 0, segment.max_started_at or 0
    session.execute(_MEETINGS.format(rows=rows, since=since, until=until))
    new, lost = session.rows(_COUNTS)[0]
    if not new and not lost:
        return False
    session.execute(_SUPERSEDE_LOSERS)
    session.execute(_SUPERSEDE_STORED)
    session.execute(_DELETE_STORED)
    session.execute(_INSERT_SPANS.format(rows=rows))
    session.execute(_TOUCH_NEW)
    return True


# verdict: 'new' where the id is not stored; 'same' where the row is; 'wins' or 'loses' against another row of the id.
_MEETINGS: Final = """
    create or replace temp table adopted as
    select
        arriving.trace_id, arriving.span_id, arriving.digest, arriving.started_at, arriving.parent_span_id,
        arriving.ended_at, stored.digest as stored_digest,
        case
            when superseded.digest is not null then 'same'
            when stored.digest is null then 'new'
            when stored.digest = arriving.digest then 'same'
            when (arriving.ended_at is not null, arriving.attribute_count, arriving.digest)
                > (stored.ended_at is not null, stored.attribute_count, stored.digest) then 'wins'
            else 'loses'
        end as verdict
    from {rows} as arriving
    left join (
        select trace_id, span_id, digest, ended_at, attribute_count from span_rows
        where started_at between make_timestamp_ns({since}) and make_timestamp_ns({until})
    ) as stored on arriving.trace_id = stored.trace_id and arriving.span_id = stored.span_id
    left join spans_superseded as superseded
        on arriving.trace_id = superseded.trace_id
        and arriving.span_id = superseded.span_id
        and arriving.digest = superseded.digest
"""
_COUNTS: Final = """
    select
        count(*) filter (verdict in ('new', 'wins')),
        count(*) filter (verdict = 'loses')
    from adopted
"""
_SUPERSEDE_LOSERS: Final = """
    insert into spans_superseded (trace_id, span_id, digest)
    select trace_id, span_id, digest from adopted where verdict = 'loses'
"""
_SUPERSEDE_STORED: Final = """
    insert into spans_superseded (trace_id, span_id, digest)
    select adopted.trace_id, adopted.span_id, adopted.stored_digest
    from adopted
    where adopted.verdict = 'wins'
"""
_DELETE_STORED: Final = """
    delete from span_rows as stored using adopted
    where adopted.verdict = 'wins' and stored.trace_id = adopted.trace_id and stored.span_id = adopted.span_id
"""
_ROW_COLUMNS: Final = ", ".join(SPAN_ROW_COLUMNS)
_INSERT_SPANS: Final = f"""
    insert into span_rows ({_ROW_COLUMNS})
    select {", ".join(f"arriving.{name}" for name in SPAN_ROW_COLUMNS)}
    from {{rows}} as arriving
    semi join (select * from adopted where verdict in ('new', 'wins')) as chosen
        on arriving.trace_id = chosen.trace_id and arriving.span_id = chosen.span_id
    order by arriving.started_at
"""
_TOUCH_NEW: Final = """
    insert into touched_traces (trace_id, touched_at, root_ended, span_count, min_started_at, max_started_at)
    select
        trace_id,
        cast(make_timestamp_ns(0) as timestamp_ns),
        bool_or(parent_span_id is null and ended_at is not null),
        count(*),
        min(started_at),
        max(started_at)
    from adopted
    where verdict in ('new', 'wins')
    group by trace_id
"""
_LOG_COLUMNS: Final = ", ".join(LOG_SCHEMA.names)
_INSERT_LOGS: Final = f"""
    insert into log_rows ({_LOG_COLUMNS})
    select {_LOG_COLUMNS}
    from {{rows}} as arriving
    where not exists (select 1 from log_rows as stored where stored.digest = arriving.digest)
"""
_NEW_CONTENT: Final = """
    select count(*) from {rows} as arriving
    where not exists (
        select 1
        from sealed_content as stored
        where stored.trace_id = arriving.trace_id and stored.hash = arriving.hash
    )
"""
