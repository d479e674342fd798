"""Drops what is too old or too much, by whole days of arrival, and says so.

A day goes at once: its segments, its rows, and the results of executions that were last heard of before its end. The
ledger is never touched. Freed space in the database file is used again; segments give theirs back to the disk.
"""

from __future__ import annotations

import logging
import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from whichstep_store.access import Database, Session
from whichstep_store.open_rows import OpenRows
from whichstep_store.segments import Folder, Segment

DAYS: Final = 90
_SIZE_BYTES_MAX: Final = 20 << 30
_SECOND: Final = 1_000_000_000
log = logging.getLogger("whichstep.retention")


class RetentionReport(NamedTuple):
    """What was dropped, and why: `age` or `size`; all zero when nothing was."""

    segments: int
    bytes: int
    spans: int
    executions: int
    before: date | None
    """Everything received before this day is gone."""
    reason: str | None


NOTHING: Final = RetentionReport(0, 0, 0, 0, None, None)


class Retention:
    """The limits of one data folder."""

    def __init__(
        self,
        database: Database,
        folder: Folder,
        open_rows: OpenRows,
        data_dir: Path,
        clock: Callable[[], int],
        *,
        days: int = DAYS,
        size_bytes_max: int | None = None,
    ) -> None:
        """`size_bytes_max` defaults to 20 GB or half the disk, whichever is less."""
        self._database, self._folder, self._open = database, folder, open_rows
        self._data_dir, self._clock = data_dir, clock
        self.days = days
        self.size_bytes_max = size_bytes_max or min(_SIZE_BYTES_MAX, shutil.disk_usage(data_dir).total // 2)
        self.last = NOTHING
        """What the latest `apply` that dropped anything did."""

    def apply(self, now: int | None = None) -> RetentionReport:
        """Drops what is beyond the limits; `now` in nanoseconds since the epoch, the clock's unless given.

        Today's rows always stay, even when they are too many.
        """
        today = _day(self._clock() if now is None else now)
        by_age = today - timedelta(days=self.days)
        by_size = self._first_day_that_fits(today)
        before = max(by_age, by_size)
        with self._database.exclusive():
            report = self._drop(before, "size" if by_size > by_age else "age")
        if report.segments or report.spans or report.executions:
            self.last = report
            log.warning(
                "dropped what was received before %s (%s): %d spans, %d executions, %d segments, %d bytes",
                *(before, report.reason, report.spans, report.executions, report.segments, report.bytes),
            )
        return report

    def size_bytes(self) -> int:
        """What segments and database take on disk."""
        database = sum(path.stat().st_size for path in self._data_dir.glob("*.duckdb*"))
        return database + sum(segment.bytes for segment in self._folder.listed())

    def _first_day_that_fits(self, today: date) -> date:
        excess = self.size_bytes() - self.size_bytes_max
        sizes: dict[date, int] = defaultdict(int)
        for segment in self._folder.listed():
            sizes[segment.received_day] += segment.bytes
        before = date.min
        for day in sorted(sizes):
            if excess <= 0 or day >= today:
                break
            excess -= sizes[day]
            before = day + timedelta(days=1)
        return before

    def _drop(self, before: date, reason: str) -> RetentionReport:
        segments = [segment for segment in self._folder.listed() if segment.received_day < before]
        midnight = int(datetime.combine(max(before, date(1970, 1, 1)), datetime.min.time(), UTC).timestamp()) * _SECOND
        counts = self._database.read(_COUNTS, {"midnight": midnight}).to_pylist()[0]
        if not segments and not any(counts.values()):
            return NOTHING
        with self._database.writing() as session:
            _delete_rows(session, midnight)
            self._folder.list_segments(session, [], segments)
            session.after_commit(lambda: self._open.forget_before(midnight))
        self._database.checkpoint()
        for segment in segments:
            self._folder.file(segment.segment_id).unlink(missing_ok=True)
        return RetentionReport(
            segments=len(segments),
            bytes=_bytes(segments),
            spans=counts["spans"],
            executions=counts["executions"],
            before=before,
            reason=reason,
        )


_COUNTS: Final = """
    select
        (select count(*) from span_rows where received_at < make_timestamp_ns($midnight)) as spans,
        (select count(*) from execution_rows where last_received_at < make_timestamp_ns($midnight)) as executions,
        (select count(*) from log_rows where received_at < make_timestamp_ns($midnight)) as logs
"""
# Results go by the execution, so that none is left with half of its steps; rows go by their own arrival.
_OLD_EXECUTIONS: Final = """
    create or replace temp table old_executions as
    select execution_id from execution_rows where last_received_at < make_timestamp_ns({midnight})
"""
_DELETES: Final = (
    "delete from step_rows where execution_id in (select execution_id from old_executions)",
    "delete from action_rows where execution_id in (select execution_id from old_executions)",
    "delete from tool_match_rows where execution_id in (select execution_id from old_executions)",
    "delete from trace_executions where execution_id in (select execution_id from old_executions)",
    "delete from grounding_rows where execution_id in (select execution_id from old_executions)",
    "delete from conformance_rows where execution_id in (select execution_id from old_executions)",
    "delete from execution_aliases where execution_id in (select execution_id from old_executions)",
    "delete from execution_rows where execution_id in (select execution_id from old_executions)",
    "delete from log_rows where received_at < make_timestamp_ns({midnight})",
    "delete from span_rows where received_at < make_timestamp_ns({midnight})",
)


def _delete_rows(session: Session, midnight: int) -> None:
    session.execute(_OLD_EXECUTIONS.format(midnight=midnight))
    for statement in _DELETES:
        session.execute(statement.format(midnight=midnight))


def _bytes(segments: list[Segment]) -> int:
    return sum(segment.bytes for segment in segments)


def _day(nanoseconds: int) -> date:
    return datetime.fromtimestamp(nanoseconds // _SECOND, UTC).date()
