"""Keeps metrics_daily up to date, one day at a time, behind everything that someone may be waiting for.

A day is due ten seconds after its executions changed, later where computing it takes long: at most a hundredth of one
core goes into trends. At the start today, yesterday and days without figures are due: a crash forgets at most an older
day that changed seconds before. Not thread-safe: one thread ticks.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from whichstep_analytics import daily
from whichstep_store.filters import NANOSECONDS, Filters
from whichstep_store.results import DAILY_FIELDS, schema
from whichstep_store.store import Store

_WAIT_NS: Final = 10 * NANOSECONDS
_REST_PER_WORK: Final = 100
_DAY_NS: Final = 86_400 * NANOSECONDS
_EPOCH: Final = date(1970, 1, 1)


class DailyRunner:
    """Computes the figures of days whose executions changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due: dict[date, int] | None = None  # nanoseconds since the epoch; None before the first tick
        self._rest_until = 0

    @property
    def has_days_due(self) -> bool:
        """Whether the figures of any day are behind, now or in a while."""
        return bool(self._due)

    def touch(self, executions: pa.Table, *, now: int) -> None:
        """Notes the days of executions that were recomputed (results.EXECUTION_FIELDS)."""
        for day in pc.unique(executions.column("started_at").cast(pa.date32())).to_pylist():
            self._days(now).setdefault(day, now + _WAIT_NS)

    def tick(self, *, now: int) -> bool:
        """Computes one day that is due; whether there was one."""
        if now < self._rest_until:
            return False
        ready = min(((due, day) for day, due in self._days(now).items()), default=None)
        if ready is None or ready[0] > now:
            return False
        begun = datetime.now(UTC)
        self._compute(ready[1], now)
        work = (datetime.now(UTC) - begun) / timedelta(microseconds=1) * 1_000
        self._rest_until = now + int(_REST_PER_WORK * work)
        return True

    def drain(self, *, now: int) -> None:
        """Computes every day that changed, due or not."""
        for day in sorted(self._days(now)):
            self._compute(day, now)

    def _compute(self, day: date, now: int) -> None:
        start = (day - _EPOCH).days * _DAY_NS
        whole_day = Filters(since=start, until=start + _DAY_NS, purpose=())
        parameters = {**whole_day.parameters(), "by": list(daily.GROUP_COLUMNS)}
        executions = pl.DataFrame(self._store.reader.query("execution_frame", parameters))
        rows = daily.run(executions, [day], now).to_arrow().cast(schema(DAILY_FIELDS))
        self._store.writer.replace_daily(day, pa.table(rows))
        self._days(now).pop(day, None)

    def _days(self, now: int) -> dict[date, int]:
        """Changed days and when they are due; at the start those that have no figures, today and yesterday."""
        if self._due is None:
            yesterday = (now // _DAY_NS - 1) * _DAY_NS
            days = self._store.reader.query("daily_due", {"since": max(0, yesterday)}).column("day")
            self._due = dict.fromkeys(days.to_pylist(), now)
        return self._due
