"""Reads the spans of some traces for the jobs: open rows from memory as they are, sealed ones with their texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store import segment_reads
from whichstep_store.access import Database, Session
from whichstep_store.batches import SPAN_ROW_FIELDS, UUID, UUIDS
from whichstep_store.hexes import hexed, uuids
from whichstep_store.open_rows import storage, whole
from whichstep_store.results import JOB_SPAN_COLUMNS, JOB_TEXT_COLUMNS
from whichstep_store.segments import Folder


class Stored(NamedTuple):
    """Spans of some traces, JOB_SPAN_COLUMNS."""

    whole: pa.Table
    """Open rows."""
    sealed: pa.Table
    """Rows that closed segments hold, here without their texts."""

    def distinct(self, column: str) -> list[str]:
        """The values of a column that are known, sorted."""
        found = {value for rows in self for value in rows[column].unique().to_pylist()}
        return sorted(found - {None})


def stored(
    session: Session, open_rows: pa.Table, trace_ids: Sequence[str], ranges: Sequence[tuple[int, int]]
) -> Stored:
    """The spans of these traces that start in one of the ranges; `asked_traces` is to hold the same traces."""
    asked = uuids(trace_ids).storage
    parts = [_between(session, open_rows, asked, since, until) for since, until in ranges]
    return Stored(pa.concat_tables([part.whole for part in parts]), pa.concat_tables([part.sealed for part in parts]))


def with_texts(database: Database, segments: Folder, spans: Stored, ranges: Sequence[tuple[int, int]]) -> pa.Table:
    """All spans in one table, those that are sealed with the previews that their segments hold."""
    if not spans.sealed.num_rows:
        return spans.whole
    sealed = spans.sealed
    trace_ids = sorted(set(sealed["trace_id"].to_pylist()))
    texts = segment_reads.texts(database, segments, trace_ids, ranges, JOB_TEXT_COLUMNS)
    return pa.concat_tables([spans.whole, _joined(sealed, texts).cast(spans.whole.schema)])


def _between(session: Session, open_rows: pa.Table, asked: pa.Array, since: int, until: int) -> Stored:
    found = _open_between(open_rows, asked, since, until)
    whole = pa.Table.from_arrays(hexed(found).columns, names=list(JOB_SPAN_COLUMNS))  # nullable, as from a query
    stretch = {"since": since, "until": until}
    if session.rows(_COUNT_SPANS, stretch)[0][0] == whole.num_rows:
        return Stored(whole, whole.slice(0, 0))
    session.show("open_keys", found.select(["trace_id", "span_id"]))
    return Stored(whole, session.arrow(_SEALED_SPANS, stretch).cast(whole.schema))


def _open_between(open_rows: pa.Table, asked: pa.Array, since: int, until: int) -> pa.Table:
    """Open rows of the asked traces. Most batches hold none of them or nothing else, and those are not copied."""
    rows = open_rows.select(list(JOB_SPAN_COLUMNS))
    if not rows.num_rows:
        return rows
    wanted, first, kept = whole(_wanted(rows, asked, since, until)), 0, []
    for batch in rows.to_batches():
        here = wanted.slice(first, batch.num_rows)
        first += batch.num_rows
        if here.true_count:
            kept.append(batch if here.true_count == batch.num_rows else batch.filter(here))
    return pa.Table.from_batches(kept, rows.schema)


def _wanted(rows: pa.Table, asked: pa.Array, since: int, until: int) -> pa.Array | pa.ChunkedArray:
    """Which rows are asked for, all at once: one look-up table of the ids serves every batch."""
    starts = rows["started_at"].cast(pa.int64())
    inside = pc.and_(pc.greater_equal(starts, since), pc.less_equal(starts, until))
    return pc.and_(pc.is_in(storage(rows["trace_id"]), value_set=asked), inside)


def _hex(expression: str) -> str:
    return f"replace(cast({expression} as varchar), '-', '')"


def _column(name: str) -> str:
    kind = _KINDS.get(name)
    if kind == UUID:
        return f"{_hex(name)} as {name}"
    if kind == UUIDS:
        return f"list_transform({name}, lambda id: {_hex('id')}) as {name}"
    return name if kind else f"cast(null as varchar) as {name}"


_KINDS: Final = {name: kind for name, kind, _ in SPAN_ROW_FIELDS}
_ASKED: Final = """
    trace_id in (select trace_id from asked_traces)
    and started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
"""
_COUNT_SPANS: Final = f"select count(*) from span_rows where {_ASKED}"
_SEALED_SPANS: Final = f"""
    select {", ".join(map(_column, JOB_SPAN_COLUMNS))}
    from span_rows
    where {_ASKED} and (trace_id, span_id) not in (select (trace_id, span_id) from open_keys)
"""


def _joined(rows: pa.Table, texts: pa.Table) -> pa.Table:
    """The rows with their texts."""
    keys = ["trace_id", "span_id", "digest"]
    names = rows.column_names
    narrow = rows.drop_columns(list(JOB_TEXT_COLUMNS)).append_column("row", pa.array(range(rows.num_rows)))
    found = narrow.select([*keys, "row"]).join(texts, keys, join_type="left outer").sort_by("row")
    for name in JOB_TEXT_COLUMNS:
        narrow = narrow.append_column(name, found[name])
    return narrow.select(names)
