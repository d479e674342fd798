"""Decides when which executions are recomputed, and does it: read, compute, replace. The only job that sees the store.

An execution is due when its root ended, when it grew by a quarter, when it was quiet for two seconds, or when its
oldest unseen span waited four. So a long run is recomputed a logarithmic number of times, and an idle store costs one
query on an empty table. Executions without news are due when their silence exceeds the deadline, or when their results
are of another version: in slices, when nothing else is due. Not thread-safe: one thread ticks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from whichstep.contract import Contract
from whichstep.policy import Policy
from whichstep_analytics.conformance_runner import ConformanceRunner
from whichstep_analytics.grounding_runner import GroundingRunner
from whichstep_analytics.job import Recomputed, recompute, result_version
from whichstep_analytics.jobs.executions import ABANDONED_AFTER_NS
from whichstep_analytics.jobs.frames import from_arrow, spans_from, to_arrow
from whichstep_analytics.jobs.outcome import DECIDING
from whichstep_analytics.period_runner import PeriodRunner
from whichstep_analytics.prices import Prices, default_prices
from whichstep_analytics.template_runner import TemplateRunner
from whichstep_store.results import (
    ACTION_FIELDS,
    ALIAS_FIELDS,
    CONSUMED_FIELDS,
    EXECUTION_FIELDS,
    MOVED_FIELDS,
    REPLACED_FIELDS,
    STEP_FIELDS,
    TOOL_MATCH_FIELDS,
    TRACE_EXECUTION_FIELDS,
    JobInputs,
    Results,
)
from whichstep_store.store import Store

_SECOND: Final = 10**9
_QUIET_NS: Final = 2 * _SECOND
_WAIT_NS_MAX: Final = 4 * _SECOND
_WAIT_SPANS_MAX: Final = 2_000
"""An execution larger than this only waits for growth and quiet: its recompute costs tens of milliseconds."""
_GROWTH: Final = 0.25
_GROWTH_SPANS_MIN: Final = 32
_SLICE_SPANS_MAX: Final = 20_000
"""Spans of one recompute: about 0.3 s of work, so that a backlog cannot hold memory or the write lock for long."""
_SLICE_EXECUTIONS_MAX: Final = 500
_PACE_NS: Final = 2 * _SECOND
"""At most one look in so long, unless the last one left a whole slice due: looking, reading, computing and replacing
cost some 100 ms before the first span (benchmarks/analytics/bench_jobs.py), so many small rounds would cost more."""
_STALE_EVERY_NS: Final = 5 * _SECOND
_IDLE_SECONDS: Final = 120.0
"""Rows and decisions that arrive wake the jobs at once; only a deadline of quarter of an hour passes by itself. A look
at a store that rests costs up to 75 ms of CPU, its memory being cold."""
_HOUR_NS: Final = 3600 * _SECOND


class JobRunner:
    """Keeps the result tables of a store up to date."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], int] = time.time_ns,
        prices: Prices | None = None,
        deciding: Mapping[str, float] = DECIDING,
        contracts: Mapping[str, Contract] = MappingProxyType({}),
        policy: Policy | None = None,
    ) -> None:
        """`clock` gives nanoseconds since the epoch; `prices` defaults to the table that ships with whichstep.

        `deciding` names the evaluations that decide success, as `outcome.DECIDING`; `contracts`, by name, hold the
        executions of workflows that carry none; with `policy` actions are compared.
        """
        self._store, self._clock, self._deciding, self._policy = store, clock, deciding, policy
        self._prices = prices
        self._stale_looked_at = self._recomputed_at = 0
        self._busy = False
        self._behind = False  # the last look left a whole slice due
        self._periods = PeriodRunner(store)
        self._templates = TemplateRunner(store)
        self._grounding = GroundingRunner(store)
        self._conformance = ConformanceRunner(store, contracts)

    @property
    def busy(self) -> bool:
        """Whether a round is under way: what it found may bring another one."""
        return self._busy

    def tick(self) -> float:
        """Recomputes what is due, at most one slice of it; returns the seconds until it wants to run again."""
        self._busy = True
        try:
            return self._round()
        finally:
            self._busy = False

    def _round(self) -> float:
        now = self._clock()
        rest = self._recomputed_at + _PACE_NS - now
        refresh = now - self._stale_looked_at >= _STALE_EVERY_NS  # in the rests of a busy store, too
        if rest > 0 and not self._behind and not refresh:
            return rest / _SECOND
        touched = from_arrow(self._store.reader.touched())
        due = touched.filter(_is_due(now)) if touched.height else touched
        if due.height and (rest <= 0 or self._behind):
            chosen = _slice(due)
            left = _whole(due["span_count"].sum()) - _whole(chosen["span_count"].sum())
            self._recomputed_at, self._behind = now, left >= _SLICE_SPANS_MAX
            return self._recompute(chosen, touched, now)
        if refresh:
            return self._refresh(touched, now)
        return self._seconds_to_wait(touched, now)

    def drain(self, *, left: Callable[[int], None] = lambda _traces: None) -> None:
        """Recomputes everything that was touched, due or not, and everything outdated. For imports and rebuilds.

        `left` is told before each slice how many traces wait.
        """
        while True:
            while (touched := from_arrow(self._store.reader.touched())).height:
                left(touched.height)
                self._recompute(_slice(touched), touched, self._clock())
            if self._refresh(touched, self._clock()):
                break
        self._conformance.drain(now=self._clock())
        self._templates.drain()
        self._periods.drain(now=self._clock())

    def _refresh(self, touched: pl.DataFrame, now: int) -> float:
        """One slice of executions that are outdated or past their deadline."""
        stale = from_arrow(
            self._store.reader.stale(
                result_version=result_version(self._deciding, self._policy),
                open_before=now - ABANDONED_AFTER_NS,
                limit=_SLICE_EXECUTIONS_MAX,
            )
        )
        if stale.height:
            return self._recompute(stale, touched, now)
        if self._conformance.refresh(now=now) or self._grounding.refresh():
            return 0.0
        self._templates.tick(now=now)
        if self._periods.tick(now=now):
            return 0.0
        self._stale_looked_at = now
        return self._seconds_to_wait(touched, now)

    def _recompute(self, traces: pl.DataFrame, touched: pl.DataFrame, now: int) -> float:
        since, until = _nanoseconds(traces["min_started_at"]).min(), _nanoseconds(traces["max_started_at"]).max()
        asked = traces["trace_id"].unique(maintain_order=True)
        inputs = self._store.reader.job_inputs(asked.to_list(), since=_whole(since), until=_whole(until))
        results = _results(
            inputs,
            asked,
            touched,
            prices=self._prices or default_prices(),
            now=now,
            deciding=self._deciding,
            policy=self._policy,
        )
        self._store.writer.replace_results(results)
        self._periods.touch(results.executions, now=now)
        self._templates.touch(results.executions)
        self._grounding.check(results.executions)
        self._conformance.touch(results.executions)
        while self._conformance.tick(now=now):
            pass
        return 0.0

    def _seconds_to_wait(self, touched: pl.DataFrame, now: int) -> float:
        """Until the first touched trace is quiet, or the next period or deadline may be due."""
        if touched.is_empty():
            return (
                _STALE_EVERY_NS / _SECOND if self._periods.has_periods_due or self._templates.is_due else _IDLE_SECONDS
            )
        first = _whole(_nanoseconds(touched["touched_at"]).min())
        return min(max((first + _QUIET_NS - now) / _SECOND, 0.05), _QUIET_NS / _SECOND)


def _is_due(now: int) -> pl.Expr:
    quiet = pl.col("touched_at").cast(pl.Datetime("ns")).cast(pl.Int64) <= now - _QUIET_NS
    waited = (pl.col("first_touched_at").cast(pl.Datetime("ns")).cast(pl.Int64) <= now - _WAIT_NS_MAX) & (
        pl.col("known_span_count") < _WAIT_SPANS_MAX
    )
    grown = (pl.col("span_count") >= _GROWTH_SPANS_MIN) & (pl.col("span_count") >= _GROWTH * pl.col("known_span_count"))
    return pl.col("root_ended") | quiet | waited | grown


def _slice(due: pl.DataFrame) -> pl.DataFrame:
    """The traces that waited longest, up to the slice's spans; at least one."""
    before = (pl.col("span_count") + pl.col("known_span_count")).cum_sum().shift(1, fill_value=0)
    return due.sort("first_touched_at", "trace_id").filter(before < _SLICE_SPANS_MAX)


def _results(
    inputs: JobInputs,
    asked: pl.Series,
    touched: pl.DataFrame,
    *,
    prices: Prices,
    now: int,
    deciding: Mapping[str, float],
    policy: Policy | None,
) -> Results:
    spans, before = spans_from(inputs.spans), from_arrow(inputs.trace_executions)
    former = before["execution_id"].unique()
    neighbours = from_arrow(inputs.neighbours).filter(~pl.col("execution_id").is_in(former.implode()))
    evaluations = from_arrow(inputs.evaluations)
    expectations = from_arrow(inputs.expectations)
    found = recompute(
        spans,
        evaluations,
        neighbours,
        expectations,
        prices=prices,
        as_of=now,
        deciding=deciding,
        approvals=from_arrow(inputs.approvals),
        policy=policy,
        ungrounded=from_arrow(inputs.ungrounded),
    )
    seen = pl.concat([asked, spans["trace_id"]]).unique()
    replaced = pl.concat([former, found.mapping["execution_id"]]).unique().sort()
    since, until = _bounds(spans, before)
    return Results(
        replaced=to_arrow(replaced.to_frame(), REPLACED_FIELDS),
        trace_executions=to_arrow(found.mapping, TRACE_EXECUTION_FIELDS),
        steps=to_arrow(found.steps, STEP_FIELDS),
        executions=to_arrow(found.executions, EXECUTION_FIELDS),
        actions=to_arrow(found.actions, ACTION_FIELDS),
        tool_matches=to_arrow(found.tool_matches, TOOL_MATCH_FIELDS),
        aliases=to_arrow(_aliases(before, found), ALIAS_FIELDS),
        moved=to_arrow(found.moved, MOVED_FIELDS),
        consumed=to_arrow(touched.filter(pl.col("trace_id").is_in(seen.implode())), CONSUMED_FIELDS),
        since=since,
        until=until,
    )


def _aliases(before: pl.DataFrame, found: Recomputed) -> pl.DataFrame:
    """Ids that an execution no longer has, with the one it has now; none where a trace became several executions."""
    moved = before.select("trace_id", pl.col("execution_id").alias("alias")).join(found.mapping, on="trace_id")
    living = found.executions["execution_id"]
    return (
        moved.filter((pl.col("alias") != pl.col("execution_id")) & ~pl.col("alias").is_in(living.implode()))
        .select("alias", "execution_id")
        .unique()
        .filter(~pl.col("alias").is_duplicated())
        .sort("alias")
    )


def _bounds(spans: pl.DataFrame, before: pl.DataFrame) -> tuple[int, int]:
    """Between which starts the old and the new rows lie. With a margin: a span that came again may start otherwise."""
    starts = pl.concat([_nanoseconds(spans["started_at"]), _nanoseconds(before["started_at"])])
    if starts.is_empty():
        return 0, 0
    return _whole(starts.min()) - _HOUR_NS, _whole(starts.max()) + _HOUR_NS


def _nanoseconds(moments: pl.Series) -> pl.Series:
    """As integers: a Python datetime would cut the last three digits."""
    return moments.cast(pl.Datetime("ns")).cast(pl.Int64)


def _whole(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - a minimum of integers that are not null
    return value
