"""Reads what a recompute of executions needs.

That is the traces asked for, all traces related to them by the rules of results.JobInputs, and what was said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from whichstep_store import named, segment_reads
from whichstep_store.access import Database, Session
from whichstep_store.batches import SPAN_ROW_COLUMNS
from whichstep_store.results import JOB_SPAN_COLUMNS, JOB_TEXT_COLUMNS, JobInputs
from whichstep_store.segments import Folder

# Chains of links and keys longer than this do not occur; the next recompute goes on where this one stopped.
_ROUNDS_MAX: Final = 16
# Two stretches of time closer than this are read as one: a read costs more than the rows between.
_GAP: Final = 600_000_000_000


@dataclass(slots=True)
class _Family:
    """Traces found so far, each with the first and last start of its spans in nanoseconds since the epoch."""

    bounds: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, traces: Iterable[tuple[str, int, int]]) -> list[str]:
        """The traces that were not known before; a known one's bounds grow."""
        new = []
        for trace_id, since, until in traces:
            known = self.bounds.get(trace_id)
            if known is None:
                new.append(trace_id)
            first, last = known or (since, until)
            self.bounds[trace_id] = min(first, since), max(last, until)
        return new

    def ranges(self) -> list[tuple[int, int]]:
        """Disjoint stretches of time that cover all traces."""
        merged: list[tuple[int, int]] = []
        for since, until in sorted(self.bounds.values()):
            if merged and since - merged[-1][1] <= _GAP:
                merged[-1] = merged[-1][0], max(merged[-1][1], until)
            else:
                merged.append((since, until))
        return merged


def job_inputs(database: Database, segments: Folder, trace_ids: Sequence[str], *, since: int, until: int) -> JobInputs:
    """Spans, mapping, evaluations and neighbours of these traces and of those related to them."""
    family = _related(database, trace_ids, since=since, until=until)
    traces = sorted(family.bounds)
    spans = _spans(database, segments, traces, family.ranges())
    facts = {
        "trace_ids": traces,
        "response_ids": _distinct(spans, "response_id"),
        "execution_keys": _distinct(spans, "execution_key"),
    }
    mapping = _query(database, "job_trace_executions", {"trace_ids": traces})
    neighbours = {"session_ids": _distinct(spans, "session_id"), "trace_ids": traces}
    return JobInputs(
        spans=spans,
        evaluations=_query(database, "job_evaluations", facts),
        trace_executions=mapping,
        neighbours=_query(database, "job_neighbours", neighbours),
    )


def _related(database: Database, trace_ids: Sequence[str], *, since: int, until: int) -> _Family:
    family = _Family()
    frontier = family.add((trace_id, since, until) for trace_id in trace_ids)
    fresh = database.read(_FRESH_BOUNDS).to_pylist()[0]
    for number in range(_ROUNDS_MAX):
        if not frontier:
            break
        bounds = [family.bounds[trace_id] for trace_id in frontier]
        found = _query(
            database,
            "job_related_traces",
            {
                "trace_ids": frontier,
                "asked": number == 0,
                "since": min(first for first, _ in bounds),
                "until": max(last for _, last in bounds),
                "fresh_since": fresh["since"],
                "fresh_until": fresh["until"],
            },
        )
        frontier = family.add(_bounded(found))
    # again where that brought new traces: one that executions share leads to the traces of the others
    while family.add(_bounded(_query(database, "job_sibling_traces", {"trace_ids": list(family.bounds)}))):
        pass
    return family


_FRESH_BOUNDS: Final = """
    select
        coalesce(epoch_ns(min(min_started_at)), 0) as since,
        coalesce(epoch_ns(max(max_started_at)), 0) as until
    from touched_traces
"""


def _spans(database: Database, segments: Folder, traces: list[str], ranges: list[tuple[int, int]]) -> pa.Table:
    """The columns of the spans: open rows are whole; of sealed ones, the previews come from the segments."""
    with database.reading("span_open") as session:
        parts = [_stored_spans(session, traces, since, until) for since, until in ranges or [(0, 0)]]
    whole = pa.concat_tables([open_rows for open_rows, _ in parts])
    sealed = pa.concat_tables([sealed_rows for _, sealed_rows in parts])
    if not sealed.num_rows:
        return whole
    texts = segment_reads.texts(database, segments, _distinct(sealed, "trace_id"), ranges, JOB_TEXT_COLUMNS)
    return pa.concat_tables([whole, _with_texts(sealed, texts)])


def _stored_spans(session: Session, traces: list[str], since: int, until: int) -> tuple[pa.Table, pa.Table]:
    """Open spans, whole, and sealed ones, without texts."""
    asked = {"trace_ids": traces, "since": since, "until": until}
    whole = session.arrow(_OPEN_SPANS, asked)
    stored = session.arrow(_COUNT_SPANS, asked)["stored"][0].as_py()
    if stored == whole.num_rows:
        return whole, whole.slice(0, 0)
    return whole, session.arrow(_SEALED_SPANS, asked)


def _hex(expression: str) -> str:
    return f"replace(cast({expression} as varchar), '-', '')"


_UUID_COLUMNS: Final = frozenset({
    "trace_id", "execution_key", "rerun_of", "configuration_digest", "input_digest", "arguments_digest", "digest",
})  # fmt: skip
_UUID_LISTS: Final = frozenset({"linked_trace_ids"})


def _column(name: str) -> str:
    if name in _UUID_COLUMNS:
        return f"{_hex(name)} as {name}"
    if name in _UUID_LISTS:
        return f"list_transform({name}, lambda id: {_hex('id')}) as {name}"
    return name


_ASKED: Final = """
    trace_id in (select unnest(cast($trace_ids as uuid[])))
    and started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
"""
_OPEN_SPANS: Final = f"select {', '.join(map(_column, JOB_SPAN_COLUMNS))} from span_open where {_ASKED}"
_COUNT_SPANS: Final = f"select count(*) as stored from span_rows where {_ASKED}"
_SEALED_SPANS: Final = f"""
    select
        {", ".join(_column(name) for name in JOB_SPAN_COLUMNS if name in SPAN_ROW_COLUMNS)},
        {", ".join(f"cast(null as varchar) as {name}" for name in JOB_TEXT_COLUMNS)}
    from span_rows
    where {_ASKED} and (trace_id, span_id) not in (select (trace_id, span_id) from span_open where {_ASKED})
"""


def _with_texts(rows: pa.Table, texts: pa.Table) -> pa.Table:
    """The rows with their texts."""
    keys = ["trace_id", "span_id", "digest"]
    names = rows.column_names
    narrow = rows.drop_columns(list(JOB_TEXT_COLUMNS)).append_column("row", pa.array(range(rows.num_rows)))
    found = narrow.select([*keys, "row"]).join(texts, keys, join_type="left outer").sort_by("row")
    for name in JOB_TEXT_COLUMNS:
        narrow = narrow.append_column(name, found[name])
    return narrow.select(names)


def _query(database: Database, name: str, parameters: Mapping[str, object]) -> pa.Table:
    return database.read(named.text(name), parameters)


def _bounded(traces: pa.Table) -> list[tuple[str, int, int]]:
    columns = (traces[name].to_pylist() for name in ("trace_id", "since", "until"))
    return list(zip(*columns, strict=True))


def _distinct(rows: pa.Table, column: str) -> list[str]:
    return sorted(value for value in rows[column].unique().to_pylist() if value is not None)
