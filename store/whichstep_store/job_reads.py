"""Reads what a recompute of executions needs.

That is the traces asked for, all traces related to them by the rules of results.JobInputs, and what was said of them:
all as of one commit. What there is no sign of is not asked for: a query costs milliseconds before its first row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from whichstep_store import job_spans, named
from whichstep_store.access import Database, Session
from whichstep_store.hexes import uuids
from whichstep_store.open_rows import AT_HAND
from whichstep_store.results import (
    APPROVAL_FIELDS,
    EVALUATION_FIELDS,
    EXPECTATION_FIELDS,
    NEIGHBOUR_FIELDS,
    UNGROUNDED_FIELDS,
    JobInputs,
    schema,
)
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
        return merged or [(0, 0)]


def job_inputs(database: Database, segments: Folder, trace_ids: Sequence[str], *, since: int, until: int) -> JobInputs:
    """Spans, mapping, evaluations and neighbours of these traces and of those related to them."""
    with database.snapshot(AT_HAND) as (session, at_hand):
        family, mapping = _related(session, trace_ids, since=since, until=until)
        spans = job_spans.stored(session, at_hand, sorted(family.bounds), family.ranges())
        evaluations, neighbours = _evaluations(session, spans), _neighbours(session, spans, mapping)
        approvals = _approvals(session, spans)
        ungrounded = _ungrounded(session, mapping)
        expectations = _expectations(session)
    return JobInputs(
        spans=job_spans.complete(database, segments, spans, family.ranges()),
        evaluations=evaluations,
        expectations=expectations,
        trace_executions=mapping,
        neighbours=neighbours,
        approvals=approvals,
        ungrounded=ungrounded,
    )


def _related(session: Session, trace_ids: Sequence[str], *, since: int, until: int) -> tuple[_Family, pa.Table]:
    """All traces that belong together, shown as `asked_traces`, and their stored rows of trace_executions."""
    family = _Family()
    frontier = family.add((trace_id, since, until) for trace_id in trace_ids)
    fresh = session.arrow(_FRESH_BOUNDS).to_pylist()[0]
    for number in range(_ROUNDS_MAX):
        if not frontier:
            break
        bounds = [family.bounds[trace_id] for trace_id in frontier]
        _show_traces(session, frontier)
        found = session.arrow(
            named.text("job_related_traces"),
            {
                "asked": number == 0,
                "since": min(first for first, _ in bounds),
                "until": max(last for _, last in bounds),
                "fresh_since": fresh["since"],
                "fresh_until": fresh["until"],
            },
        )
        frontier = family.add(_bounded(found))
    while True:
        _show_traces(session, family.bounds)
        mapping = session.arrow(named.text("job_trace_executions"))
        # again where that brings new traces: one that executions share leads to the traces of the others
        if not mapping.num_rows or not family.add(_bounded(session.arrow(named.text("job_sibling_traces")))):
            return family, mapping


_FRESH_BOUNDS: Final = """
    select
        coalesce(epoch_ns(min(min_started_at)), 0) as since,
        coalesce(epoch_ns(max(max_started_at)), 0) as until
    from touched_traces
"""


def _show_traces(session: Session, trace_ids: Iterable[str]) -> None:
    """As a table: bound as a list, each id costs ten times as much wherever it is named."""
    session.show("asked_traces", pa.table({"trace_id": uuids(trace_ids)}))


def _bounded(traces: pa.Table) -> list[tuple[str, int, int]]:
    columns = (traces[name].to_pylist() for name in ("trace_id", "since", "until"))
    return list(zip(*columns, strict=True))


def _evaluations(session: Session, spans: job_spans.Stored) -> pa.Table:
    if not session.rows(_ANYTHING_SAID)[0][0]:
        return schema(EVALUATION_FIELDS).empty_table()
    facts = {name: spans.distinct(column) for name, column in _SAID_OF.items()}
    return session.arrow(named.text("job_evaluations"), facts)


def _expectations(session: Session) -> pa.Table:
    if not session.rows("select exists (select 1 from expectation_rows)")[0][0]:
        return schema(EXPECTATION_FIELDS).empty_table()
    return session.arrow(named.text("job_expectations"))


_SAID_OF: Final = {"response_ids": "response_id", "execution_keys": "execution_key"}
_ANYTHING_SAID: Final = """
    select
        exists (select 1 from evaluation_rows)
        or exists (select 1 from approval_rows where decision in ('edit', 'reject'))
        or exists (select 1 from log_rows where evaluation_name is not null)
"""


def _approvals(session: Session, spans: job_spans.Stored) -> pa.Table:
    if not session.rows("select exists (select 1 from approval_rows)")[0][0]:
        return schema(APPROVAL_FIELDS).empty_table()
    return session.arrow(named.text("job_approvals"), {"execution_keys": spans.distinct("execution_key")})


def _neighbours(session: Session, spans: job_spans.Stored, mapping: pa.Table) -> pa.Table:
    sessions = spans.distinct("session_id")
    tasks = spans.whole["task_id"].drop_null().unique()  # of sealed spans their execution knows it
    if not sessions and not len(tasks) and not mapping.num_rows:  # nothing stored re-runs what was never placed
        return schema(NEIGHBOUR_FIELDS).empty_table()
    session.show("asked_tasks", pa.table({"task_id": tasks.cast(pa.string())}))
    session.show("asked_sessions", pa.table({"session_id": pa.array(sessions, pa.string())}))
    return session.arrow(named.text("job_neighbours"))


def _ungrounded(session: Session, mapping: pa.Table) -> pa.Table:
    """`asked_traces` holds the traces of the mapping."""
    if not mapping.num_rows or not session.rows(_ANYTHING_UNGROUNDED)[0][0]:
        return schema(UNGROUNDED_FIELDS).empty_table()
    return session.arrow(named.text("job_grounding"))


_ANYTHING_UNGROUNDED: Final = "select exists (select 1 from grounding_rows where len(ungrounded) > 0)"
