"""Checks answers of executions against their whole texts, as soon as they were recomputed.

At the start those that were never checked are, slice by slice, newest first: a crash may have come between results and
check. What is found marks its execution to be recomputed. Not thread-safe: one thread ticks.
"""

from __future__ import annotations

from typing import Final

import polars as pl
import pyarrow as pa

from whichstep_analytics.grounding import answers
from whichstep_analytics.jobs.frames import from_arrow, to_arrow
from whichstep_store.results import GROUNDING_FIELDS
from whichstep_store.store import Store

_SLICE: Final = 200
"""Executions of one read of texts of what was never checked."""
_BACKLOG: Final = 20_000
"""Of those, ids that are looked up at once: the lookup reads all executions, 0.27 s CPU beside a million."""
_SLICE_SPANS: Final = 10_000
"""Of one read of texts of what was recomputed. A read costs some 40 ms before its first row: for 200 executions of 11
spans each it came to 45 us CPU a span, for this many spans to 20 (benchmarks/end_to_end.py with 60,000 spans, 2026-11,
2 cores). What 10,000 spans say, each text once, is some 15 MB."""
_ENDED: Final = ("ok", "error", "abandoned")
_CLOCK_SLACK: Final = 3_600 * 10**9
"""A step may have been stamped by a clock that is behind the one of its execution's root."""


class GroundingRunner:
    """Keeps `grounding_rows` up to date."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._complete = False  # there may be executions that were recomputed and not checked, beside the backlog
        self._backlog: list[str] = []

    def check(self, executions: pa.Table) -> None:
        """Checks executions that were recomputed (results.EXECUTION_FIELDS), where their answer is not checked yet."""
        rows = from_arrow(executions.select(["execution_id", "status", "output", "span_count"]))
        ended = rows.filter(pl.col("status").is_in(_ENDED) & pl.col("output").is_not_null())
        number = pl.col("span_count").cum_sum() // _SLICE_SPANS
        for part in ended.with_columns(number.alias("slice")).partition_by("slice"):
            self._check(self._due(part["execution_id"].to_list(), part.height))

    def refresh(self) -> bool:
        """Checks one slice of what was never checked; whether there was one."""
        if not self._backlog and not self._complete:
            self._backlog = self._due(None, _BACKLOG)["execution_id"].to_list()
            self._complete = len(self._backlog) < _BACKLOG
        if not self._backlog:
            return False
        chosen, self._backlog = self._backlog[:_SLICE], self._backlog[_SLICE:]
        self._check(self._due(chosen, len(chosen)))  # as they are by now
        return True

    def _due(self, chosen: list[str] | None, limit: int) -> pl.DataFrame:
        bound = {"execution_ids": chosen, "version": answers.VERSION, "limit": limit}
        return from_arrow(self._store.reader.query("grounding_due", bound))

    def _check(self, due: pl.DataFrame) -> None:
        if due.is_empty():
            return
        ids = due["execution_id"].to_list()
        earliest = due["started_at"].cast(pl.Datetime("ns")).cast(pl.Int64).min()
        assert isinstance(earliest, int)  # noqa: S101 - a minimum of integers that are not null
        since = max(0, earliest - _CLOCK_SLACK)
        steps = from_arrow(self._store.reader.query("grounding_steps", {"execution_ids": ids, "since": since}))
        found = answers.silent(due, steps)
        telling = due.join(found, on="execution_id", how="anti", maintain_order="left")
        if telling.height:
            texts = from_arrow(self._store.reader.distinct_texts(telling["execution_id"].to_list()))
            found = pl.concat([found, answers.run(telling, steps, texts)])
        self._store.writer.replace_grounding(to_arrow(found, GROUNDING_FIELDS))
