"""Reads the spans of some traces for the jobs: those at hand from memory, the others from their segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store import segment_reads
from whichstep_store.access import Database, Session
from whichstep_store.batches import SPAN_FIELDS, UUID, UUIDS
from whichstep_store.hexes import hexed, uuids
from whichstep_store.open_rows import storage, whole
from whichstep_store.results import JOB_SPAN_COLUMNS
from whichstep_store.segments import Folder


class Stored(NamedTuple):
    """Spans of some traces."""

    whole: pa.Table
    """Those at hand in memory, JOB_SPAN_COLUMNS."""
    sealed: pa.Table
    """What tells the rows that only closed segments hold, and what relates them to others."""

    def distinct(self, column: str) -> list[str]:
        """The values of a column that are known, sorted."""
        found = {value for rows in self for value in rows[column].unique().to_pylist()}
        return sorted(found - {None})


def stored(session: Session, at_hand: pa.Table, trace_ids: Sequence[str], ranges: Sequence[tuple[int, int]]) -> Stored:
    """The spans of these traces that start in one of the ranges; `asked_traces` is to hold the same traces."""
    asked = uuids(trace_ids).storage
    parts = [_between(session, at_hand, asked, since, until) for since, until in ranges]
    return Stored(pa.concat_tables([part.whole for part in parts]), pa.concat_tables([part.sealed for part in parts]))


def complete(database: Database, segments: Folder, spans: Stored, ranges: Sequence[tuple[int, int]]) -> pa.Table:
    """All spans in one table, JOB_SPAN_COLUMNS, those that are sealed as their segments hold them."""
    if not spans.sealed.num_rows:
        return spans.whole
    trace_ids = sorted(set(spans.sealed["trace_id"].to_pylist()))
    found = segment_reads.spans(database, segments, trace_ids, ranges, _JOB_COLUMNS)
    return pa.concat_tables([spans.whole, _only(found, spans.sealed).cast(spans.whole.schema)])


def _between(session: Session, at_hand: pa.Table, asked: pa.Array, since: int, until: int) -> Stored:
    found = _asked(at_hand, asked, since, until)
    whole = pa.Table.from_arrays(hexed(found).columns, names=list(JOB_SPAN_COLUMNS))  # nullable, as from a query
    stretch = {"since": since, "until": until}
    if session.rows(_COUNT_SPANS, stretch)[0][0] == whole.num_rows:
        return Stored(whole, whole.select(_SEALED_COLUMNS).slice(0, 0))
    session.show("keys_at_hand", found.select(["trace_id", "span_id"]))
    sealed = session.arrow(_SEALED_SPANS, stretch)
    return Stored(whole, sealed.cast(whole.select(_SEALED_COLUMNS).schema))


def _asked(rows: pa.Table, asked: pa.Array, since: int, until: int) -> pa.Table:
    """Rows of the asked traces. Most batches hold none of them or nothing else, and those are not copied."""
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
    return name


_KINDS: Final = {name: kind for name, kind, _ in SPAN_FIELDS}
_JOB_COLUMNS: Final = ", ".join(map(_column, JOB_SPAN_COLUMNS))
_KEYS: Final = ["trace_id", "span_id", "digest"]
_SEALED_COLUMNS: Final = [*_KEYS, "response_id", "execution_key", "session_id"]
_ASKED: Final = """
    trace_id in (select trace_id from asked_traces)
    and started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
"""
_COUNT_SPANS: Final = f"select count(*) from span_rows where {_ASKED}"
_SEALED_SPANS: Final = f"""
    select {", ".join(map(_column, _SEALED_COLUMNS))}
    from span_rows
    where {_ASKED} and (trace_id, span_id) not in (select (trace_id, span_id) from keys_at_hand)
"""


def _only(found: pa.Table, sealed: pa.Table) -> pa.Table:
    """The rows that are stored, each once: a segment may also have what was superseded, or what another has too."""
    places = found.select(_KEYS).append_column("row", pa.array(range(found.num_rows), pa.int64()))
    stored_rows = sealed.select(_KEYS).join(places, _KEYS, join_type="inner")
    first = stored_rows.group_by(_KEYS).aggregate([("row", "min")])["row_min"]
    return found.take(pa.array(sorted(first.to_pylist()), pa.int64()))
