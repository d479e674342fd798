"""Puts received rows into the tables, within one transaction, so that arriving twice changes nothing.

A span id is stored once. Of two rows of one id an ended one wins over one that is not, then the one with more
attributes, then the larger digest: whichever arrives first. Duplicates are looked for among rows that started when
the arriving ones did, day by day, because the tables have no index; zone maps make that cheap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store import restoring
from whichstep_store.access import Session
from whichstep_store.batches import (
    CONTENT_SCHEMA,
    LOG_SCHEMA,
    SPAN_ROW_COLUMNS,
    SPAN_SCHEMA,
    Batch,
    JournalPosition,
)
from whichstep_store.open_rows import Change, OpenRows, SpanKey, span_keys
from whichstep_store.segments import Folder

_DAY: Final = 86_400_000_000_000
# A span sent without a start time starts when it is received: its retry starts later. Clients retry for 5 minutes.
_RETRY_WINDOW: Final = 600_000_000_000
# Looking day by day beats one look over all days only while the days are few.
_DAYS_MAX: Final = 64


class LoadReport(NamedTuple):
    """What became of the spans and log records of one load."""

    rows: int
    """Stored for the first time."""
    duplicates: int
    """Already there, or twice in the load: nothing changed."""
    conflicts: int
    """Same id with other content: one of the two was kept."""
    completed: int
    """Start records that met the end of their span: one of the two was kept."""


class Arrivals(NamedTuple):
    """The rows of some batches, concatenated."""

    spans: pa.Table
    content: pa.Table
    logs: pa.Table

    @classmethod
    def of(cls, batches: Sequence[Batch]) -> Arrivals:
        """All rows of the batches, in order."""
        return cls(
            pa.Table.from_batches([batch.spans for batch in batches], SPAN_SCHEMA),
            pa.Table.from_batches([batch.content for batch in batches], CONTENT_SCHEMA),
            pa.Table.from_batches([batch.logs for batch in batches], LOG_SCHEMA),
        )


class _Decision(NamedTuple):
    """Which arriving spans are kept, and which of them replace stored rows of the same ids or are stored."""

    kept: pa.Table
    replacing: pa.Table
    same: pa.Table
    duplicates: int
    conflicts: int
    completed: int


# What duplicates are told by. A statement costs a tenth of a millisecond for each column that it can see.
_KEYS: Final = [
    "trace_id", "span_id", "parent_span_id", "started_at", "ended_at", "pending", "attribute_count", "digest",
]  # fmt: skip


def load(
    session: Session, arrivals: Arrivals, open_rows: OpenRows, *, touched_at: int, sealed: Folder, restore: bool
) -> tuple[LoadReport, Change]:
    """Stores the arrivals and marks their traces as touched; the second value is what becomes of the open rows.

    With `restore`, rows that are stored but neither open nor sealed are open again: a crash has taken them from
    memory, and the journal is read again.
    """
    decision = _decide(session, arrivals.spans)
    replaced = frozenset(span_keys(decision.replacing))
    _make_way(session, decision.replacing, open_rows.open_spans(replaced))
    _insert_spans(session, decision.kept, touched_at)
    logs = _insert_logs(session, arrivals.logs, touched_at)
    lost, lost_logs = decision.same.slice(0, 0), logs.slice(0, 0)
    if restore:
        lost = restoring.lost_spans(session, open_rows, sealed, decision.same)
        lost_logs = restoring.lost_logs(session, open_rows, sealed, arrivals.logs, logs)
    report = LoadReport(
        rows=decision.kept.num_rows - decision.replacing.num_rows + logs.num_rows,
        duplicates=decision.duplicates - lost.num_rows + arrivals.logs.num_rows - logs.num_rows - lost_logs.num_rows,
        conflicts=decision.conflicts,
        completed=decision.completed,
    )
    change = Change(
        spans=pa.concat_tables([decision.kept, lost]),
        content=open_rows.unknown_content(arrivals.content),
        logs=pa.concat_tables([logs, lost_logs]),
        replaced=replaced,
        position=None,
    )
    return report, change


def loaded_position(session: Session) -> JournalPosition | None:
    """How far the journal's narrow rows are in the tables."""
    rows = session.rows("select segment, byte_offset from journal_position")
    return JournalPosition(*rows[0]) if rows else None


def move_position(session: Session, position: JournalPosition) -> None:
    """Remembers how far the journal is loaded."""
    session.execute("delete from journal_position")
    session.execute("insert into journal_position (segment, byte_offset) values (?, ?)", list(position))


def _decide(session: Session, spans: pa.Table) -> _Decision:
    """Drops what is twice in the arrivals, then what meets a stored row that wins."""
    nothing = spans.slice(0, 0)
    if not spans.num_rows:
        return _Decision(spans, nothing, nothing, 0, 0, 0)
    session.bind("arriving", _keys(spans))
    inside = [] if len(set(span_keys(spans))) == spans.num_rows else session.rows(_LOSERS_INSIDE)
    if inside:
        spans = _without(spans, {row for row, _ in inside})
        session.bind("arriving", _keys(spans))
    met: list[tuple[int, str, bool]] = []
    for since, until in _started_ranges(spans):
        met += session.rows(_MEETINGS, [since, until])
    relations = Counter([relation for _, relation in inside] + [relation for _, relation, _ in met])
    return _Decision(
        kept=_without(spans, {row for row, _, wins in met if not wins}),
        replacing=_only(spans, {row for row, _, wins in met if wins}),
        same=_only(spans, {row for row, relation, _ in met if relation == "same"}),
        duplicates=relations["same"],
        conflicts=relations["other"],
        completed=relations["completed"],
    )


def _keys(spans: pa.Table) -> pa.Table:
    return spans.select(_KEYS).append_column("row", pa.array(np.arange(spans.num_rows)))


# Rows of the arrivals that give way to another of the same id among them.
_LOSERS_INSIDE: Final = """
    select row, relation
    from (
        select
            row,
            row_number() over winners as rank,
            case
                when digest = first_value(digest) over winners then 'same'
                when pending <> first_value(pending) over winners then 'completed'
                else 'other'
            end as relation
        from arriving
        window winners as (
            partition by trace_id, span_id
            order by ended_at is not null desc, attribute_count desc, digest desc, row
        )
    )
    where rank > 1
"""

# Materialised, here and below: DuckDB 1.5 cannot push what a join knows of UUIDs down into Arrow.
_MEETINGS: Final = """
    with keys as materialized (select * from arriving)
    select
        arriving.row,
        case
            when arriving.digest = stored.digest then 'same'
            when arriving.pending <> stored.pending then 'completed'
            else 'other'
        end as relation,
        (arriving.ended_at is not null, arriving.attribute_count, arriving.digest)
        > (stored.ended_at is not null, stored.attribute_count, stored.digest) as wins
    from keys as arriving
    inner join span_rows as stored on arriving.trace_id = stored.trace_id and arriving.span_id = stored.span_id
    where stored.started_at between make_timestamp_ns(?) and make_timestamp_ns(?)
"""


def _started_ranges(spans: pa.Table) -> list[tuple[int, int]]:
    """First and last start of the spans on each UTC day, in nanoseconds since the epoch."""
    starts = spans["started_at"].cast(pa.int64())
    bounds = pc.min_max(starts).as_py()
    ranges = [(bounds["min"], bounds["max"])]
    if bounds["min"] // _DAY != bounds["max"] // _DAY:
        ranges = _ranges_by_day(starts) or ranges
    earlier = _RETRY_WINDOW if _any_without_start(spans) else 0
    return [(first - earlier, last) for first, last in ranges]


def _ranges_by_day(starts: pa.ChunkedArray) -> list[tuple[int, int]]:
    """One range a day; none when the days are too many to look at one by one."""
    by_day = pa.table({"day": pc.divide(starts, _DAY), "start": starts}).group_by("day")
    days = by_day.aggregate([("start", "min"), ("start", "max")]).to_pylist()
    return [(day["start_min"], day["start_max"]) for day in days] if len(days) <= _DAYS_MAX else []


def _any_without_start(spans: pa.Table) -> bool:
    flags = pc.list_flatten(spans["flags"])
    return bool(pc.any(pc.equal(flags, "no_start")).as_py())


def _make_way(session: Session, replacing: pa.Table, still_open: frozenset[SpanKey]) -> None:
    """Removes the stored rows of the ids given; those already in a segment are remembered as superseded."""
    if not replacing.num_rows:
        return
    keys = replacing.select(["trace_id", "span_id"])
    sealed = pa.array([key not in still_open for key in span_keys(replacing)], pa.bool_())
    session.bind("replacing", keys.append_column("sealed", sealed))
    for since, until in _started_ranges(replacing):
        session.execute(_SUPERSEDE_SEALED, [since, until])
        session.execute(_DELETE_STORED, [since, until])


_SUPERSEDE_SEALED: Final = """
    insert into spans_superseded (trace_id, span_id, digest)
    with ids as materialized (select * from replacing)
    select stored.trace_id, stored.span_id, stored.digest
    from span_rows as stored
    semi join (select trace_id, span_id from ids where sealed) as sealed
        on stored.trace_id = sealed.trace_id and stored.span_id = sealed.span_id
    where stored.started_at between make_timestamp_ns(?) and make_timestamp_ns(?)
"""
_DELETE_STORED: Final = """
    with ids as materialized (select * from replacing)
    delete from span_rows as stored using ids as replacing
    where stored.trace_id = replacing.trace_id and stored.span_id = replacing.span_id
        and stored.started_at between make_timestamp_ns(?) and make_timestamp_ns(?)
"""


def _insert_spans(session: Session, spans: pa.Table, touched_at: int) -> None:
    if not spans.num_rows:
        return
    names = ", ".join(SPAN_ROW_COLUMNS)
    session.bind("arriving_columns", spans.select(list(SPAN_ROW_COLUMNS)))
    session.execute(f"insert into span_rows ({names}) select {names} from arriving_columns")
    session.bind("arriving", spans.select(_KEYS))
    session.execute(_TOUCH_TRACES_OF_SPANS, [touched_at])


_TOUCH: Final = """
    insert into touched_traces
        (trace_id, touched_at, root_ended, span_count, min_started_at, max_started_at)
"""
_TOUCH_TRACES_OF_SPANS: Final = f"""
    {_TOUCH}
    select
        trace_id,
        make_timestamp_ns(?),
        bool_or(parent_span_id is null and ended_at is not null),
        count(*),
        min(started_at),
        max(started_at)
    from arriving
    group by trace_id
"""


def _insert_logs(session: Session, logs: pa.Table, touched_at: int) -> pa.Table:
    """The records that were new."""
    if not logs.num_rows:
        return logs
    session.bind("arriving_logs", logs.append_column("row", pa.array(np.arange(logs.num_rows))))
    bounds = pc.min_max(logs["occurred_at"].cast(pa.int64())).as_py()
    names = ", ".join(LOG_SCHEMA.names)
    session.execute(_FRESH_LOGS.format(names=names), [bounds["min"], bounds["max"]])
    session.execute(f"insert into log_rows ({names}) select {names} from fresh_logs")
    session.execute(_TOUCH_TRACES_OF_LOGS, [touched_at])
    fresh = session.rows("select row from fresh_logs order by row")
    return logs.take(pa.array([row for (row,) in fresh], pa.int64()))


_FRESH_LOGS: Final = """
    create or replace temp table fresh_logs as
    with records as materialized (select * from arriving_logs)
    select row, {names}
    from records as arriving
    where not exists (
        select 1 from log_rows as stored
        where stored.digest = arriving.digest
            and stored.occurred_at between make_timestamp_ns(?) and make_timestamp_ns(?)
    )
    qualify row_number() over (partition by digest order by row) = 1
"""
# A record speaks of a trace, of an execution, or of the answer of a model; its span may not have arrived.
_TOUCH_TRACES_OF_LOGS: Final = f"""
    {_TOUCH}
    select trace_id, make_timestamp_ns(?), false, 0, min(occurred_at), max(occurred_at)
    from (
        select trace_id, occurred_at from fresh_logs where trace_id is not null
        union all
        select known.trace_id, known.started_at
        from trace_executions as known
        where known.execution_id in (select execution_key from fresh_logs where trace_id is null)
            or known.execution_key in (select execution_key from fresh_logs where trace_id is null)
        union all
        select span_rows.trace_id, span_rows.started_at
        from span_rows
        semi join (
            select response_id from fresh_logs
            where trace_id is null and execution_key is null and response_id is not null
        ) as answered on span_rows.response_id = answered.response_id
    )
    group by trace_id
"""


def _only(spans: pa.Table, rows: set[int]) -> pa.Table:
    return spans.take(pa.array(sorted(rows), pa.int64())) if rows else spans.slice(0, 0)


def _without(spans: pa.Table, rows: set[int]) -> pa.Table:
    if not rows:
        return spans
    return spans.take(pa.array([row for row in range(spans.num_rows) if row not in rows], pa.int64()))
