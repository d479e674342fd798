"""Keeps metrics_daily and metrics_weekly up to date, a day or week at a time, behind all that someone may wait for.

A period is due ten seconds after its executions changed, later where computing it takes long: at most a hundredth of
one core goes into those that still grow. Those that are over change once, when history is sent. At the start today and
yesterday, their weeks, and periods without figures are due: a crash forgets at most an older period that changed
seconds before. Not thread-safe: one thread ticks.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from whichstep_analytics import metrics, periods
from whichstep_analytics.periods import Period
from whichstep_store.filters import NANOSECONDS, Filters
from whichstep_store.results import DAILY_FIELDS, WEEKLY_FIELDS, schema
from whichstep_store.store import Store

_WAIT_NS: Final = 10 * NANOSECONDS
_REST_PER_WORK: Final = 100
_BATCH_NS: Final = 300_000_000
"""At one look in five seconds 49 periods of six weeks of history have their figures in some 40 s; one by one it took 4
minutes, in which no trend was known."""
_DAY_NS: Final = 86_400 * NANOSECONDS
_EPOCH: Final = date(1970, 1, 1)
_FIELDS: Final = {periods.DAY: DAILY_FIELDS, periods.WEEK: WEEKLY_FIELDS}


class PeriodRunner:
    """Computes the figures of days and weeks whose executions changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due: dict[Period, int] | None = None  # nanoseconds since the epoch; None before the first tick
        self._rest_until = 0

    @property
    def has_periods_due(self) -> bool:
        """Whether the figures of any period are behind, now or in a while."""
        return bool(self._due)

    def touch(self, executions: pa.Table, *, now: int) -> None:
        """Notes the days and weeks of executions that were recomputed (results.EXECUTION_FIELDS)."""
        days: Collection[date] = pc.unique(executions.column("started_at").cast(pa.date32())).to_pylist()
        for period in periods.periods_of(days):
            self._periods(now).setdefault(period, now + _WAIT_NS)

    def tick(self, *, now: int) -> bool:
        """Computes a period that is due, and of those that are over some more; whether there was one."""
        worked = 0
        while worked < _BATCH_NS and now >= self._rest_until and (period := self._ready(now)):
            begun = time.monotonic_ns()
            self._compute(period, now)
            work = time.monotonic_ns() - begun
            worked += work
            if (period.end - _EPOCH).days * _DAY_NS > now:
                self._rest_until = now + _REST_PER_WORK * work
        return worked > 0

    def _ready(self, now: int) -> Period | None:
        """The period that was due first, if one is."""
        due, period = min(((due, period) for period, due in self._periods(now).items()), default=(now + 1, None))
        return period if due <= now else None

    def drain(self, *, now: int) -> None:
        """Computes every period that changed, due or not."""
        for period in sorted(self._periods(now)):
            self._compute(period, now)

    def _compute(self, period: Period, now: int) -> None:
        since, until = ((day - _EPOCH).days * _DAY_NS for day in (period.start, period.end))
        whole = Filters(since=since, until=until, purpose=())
        executions = metrics.read(self._store.reader, whole, by=periods.GROUP_COLUMNS, as_of=now)
        rows = periods.run(executions, period).to_arrow().cast(schema(_FIELDS[period.unit]))
        self._store.writer.replace_period(period.unit, period.start, pa.table(rows))
        self._periods(now).pop(period, None)

    def _periods(self, now: int) -> dict[Period, int]:
        """Changed periods and when they are due; at the start those without figures, today, yesterday, their weeks."""
        if self._due is None:
            yesterday = (now // _DAY_NS - 1) * _DAY_NS
            found = self._store.reader.query("periods_due", {"since": max(0, yesterday)}).to_pylist()
            self._due = {Period(row["unit"], row["start"]): now for row in found}
        return self._due
