"""Answers from the store: named queries, what the jobs read, users' SQL. Any number of calls at once, from any thread.

Ids leave the store as 32 hex digits, times as `timestamp[ns]` in UTC. A read never waits for a writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa

from whichstep_store import configuration_texts, distinct_texts, job_reads, named, step_texts, user_sql
from whichstep_store.access import Database
from whichstep_store.batches import JournalPosition
from whichstep_store.errors import StoreError
from whichstep_store.open_rows import OpenRows
from whichstep_store.results import JobInputs
from whichstep_store.segments import Folder
from whichstep_store.stopwatch import Stopwatch
from whichstep_store.stored import Stored, pieces

Parameters = Mapping[str, object] | None


class Query(Protocol):
    """What `Reader.one_state` gives."""

    def __call__(self, name: str, parameters: Parameters = None, *, columns: Sequence[str] = ()) -> pa.Table:
        """The rows of a named query, of the columns that are named, or of all."""


class Reader:
    """Reads the store."""

    def __init__(self, database: Database, segments: Folder, open_rows: OpenRows) -> None:
        self._database = database
        self._open = open_rows
        self._segments = segments

    def query(self, name: str, parameters: Parameters = None) -> pa.Table:
        """The rows of `queries/NAME.sql`; parameters are bound, never written into the text."""
        return self._database.read(named.text(name), _bound(name, parameters))

    @contextmanager
    def one_state(self) -> Iterator[Query]:
        """A function like `query` whose calls all see the same state of the tables.

        It also takes `columns`, the names of those wanted, for queries of many rows: the others are not computed.
        """
        with self._database.one_state() as session:

            def query(name: str, parameters: Parameters = None, *, columns: Sequence[str] = ()) -> pa.Table:
                return session.arrow(named.text(name, tuple(columns)), _bound(name, parameters), many=bool(columns))

            yield query

    def sql(
        self,
        text: str,
        *,
        row_limit: int = 10_000,
        time_limit_seconds: float = 10.0,
        memory_limit: int = 512 << 20,
    ) -> pa.Table:
        """The first `row_limit` rows of a user's query: one SELECT over the public views.

        Raises SqlRefused, saying what is available, and SqlStopped when it takes longer than `time_limit_seconds` or
        more than `memory_limit` bytes.
        """
        user_sql.check(text)
        stopwatch = Stopwatch(time_limit_seconds=time_limit_seconds, memory_limit_bytes=memory_limit)
        return self._database.read_as_user(text, row_limit=row_limit, stopwatch=stopwatch)

    def step_content(self, execution_ids: Sequence[str], step_id: str | None = None) -> pa.Table:
        """The whole texts of the executions' steps, or of one step: execution_id, step_id, field, text.

        Empty for unknown ids.
        """
        return step_texts.step_content(self._database, self._segments, execution_ids, step_id)

    def distinct_texts(self, execution_ids: Sequence[str]) -> pa.Table:
        """What the executions were given and said, each part once: execution_id, step_id, field, part, text."""
        return distinct_texts.distinct_texts(self._database, self._segments, execution_ids)

    def configuration_texts(self, execution_ids: Sequence[str]) -> pa.Table:
        """What the model calls of the executions ran with: execution_id, agent, text (JSON)."""
        return configuration_texts.configuration_texts(self._database, self._segments, execution_ids)

    def stored(self) -> Iterator[Stored]:
        """All spans, their texts and all log records in closed segments, piece by piece, in order of arrival."""
        return pieces(self._database, self._segments)

    def freshness(self) -> Mapping[str, int | None]:
        """How far results are behind: newest_received_at and oldest_touched_at in nanoseconds since the epoch.

        `oldest_touched_at` is None when the jobs have seen everything; `touched_traces` counts what they have not.
        """
        return dict(self.query("freshness").to_pylist()[0])

    def journal_position(self) -> JournalPosition | None:
        """From where the journal is to be read; None: from its beginning.

        After a crash this is behind what the tables hold: the rows between are whole in the journal only, and loading
        them again adds to nothing but the open rows.
        """
        self._database.read("select 1")  # says StoreFailed while there is no database to load into
        return self._open.position

    def sealed_position(self) -> JournalPosition | None:
        """Everything in the journal before this is in closed segments: the journal may remove it."""
        rows = self._database.read("select segment, byte_offset from sealed_position").to_pylist()
        return JournalPosition(**rows[0]) if rows else None

    def touched(self) -> pa.Table:
        """Traces with rows that the jobs have not seen, one row each (results.TOUCHED_FIELDS)."""
        return self.query("touched")

    def stale(self, *, result_version: int, open_before: int, limit: int) -> pa.Table:
        """Traces of executions to recompute though nothing arrived (results.STALE_FIELDS), at most `limit` executions.

        Those with results of another version, then those still running whose last span came before `open_before`
        (nanoseconds since the epoch).
        """
        bound = {"result_version": result_version, "open_before": open_before, "limit": limit}
        return self.query("stale", bound)

    def job_inputs(self, trace_ids: Sequence[str], *, since: int, until: int) -> JobInputs:
        """All that a recompute of these traces may look at (results.JobInputs).

        `since` and `until` bound the start of the spans of the traces asked for, in nanoseconds since the epoch;
        related traces bring their own bounds.
        """
        return job_reads.job_inputs(self._database, self._segments, trace_ids, since=since, until=until)


def _bound(name: str, parameters: Parameters) -> Parameters:
    """The parameters, which must be those that the query binds."""
    given = dict(parameters or {})
    wanted = named.parameters(name)
    if given.keys() != wanted:
        different = ", ".join(sorted(given.keys() ^ wanted))
        raise StoreError(f"query {name} takes {sorted(wanted)}; missing or unknown: {different}")
    return given or None
