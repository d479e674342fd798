"""Keeps `failure_templates` up to date: mines them anew when an execution failed in a way that was not seen before.

At the start they are mined once: a crash may have come between results and templates. Where failures keep saying new
things, mining takes a hundredth of one core at most; until then a new signature stands for itself. Not thread-safe: one
thread ticks.
"""

from __future__ import annotations

import time
from typing import Final

import polars as pl
import pyarrow as pa

from whichstep_analytics.failure import templates
from whichstep_analytics.jobs.frames import from_arrow, to_arrow
from whichstep_store.results import TEMPLATE_FIELDS
from whichstep_store.store import Store

_REST_PER_WORK: Final = 100


class TemplateRunner:
    """Mines the templates of failure signatures."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stored: pl.DataFrame | None = None  # None before the first mining
        self._due = True
        self._rest_until = 0

    @property
    def is_due(self) -> bool:
        """Whether a signature has no template yet."""
        return self._due

    def touch(self, executions: pa.Table) -> None:
        """Notes signatures of executions that were recomputed (results.EXECUTION_FIELDS)."""
        if self._due or self._stored is None:
            return
        seen = from_arrow(executions.select(["failure_signature"]))["failure_signature"].drop_nulls()
        self._due = bool((~seen.is_in(self._stored["failure_signature"].implode())).any())

    def tick(self, *, now: int) -> None:
        """Mines where that is due and the last time is long enough ago. `now`: nanoseconds since the epoch."""
        if not self._due or now < self._rest_until:
            return
        begun = time.perf_counter_ns()
        self.drain()
        self._rest_until = now + _REST_PER_WORK * (time.perf_counter_ns() - begun)

    def drain(self) -> None:
        """Mines at once where a signature has no template."""
        if not self._due:
            return
        if self._stored is None:
            self._stored = from_arrow(self._store.reader.query("failure_templates"))
        mined = templates.mine(from_arrow(self._store.reader.query("job_signatures")))
        if not mined.equals(self._stored):
            self._store.writer.replace_templates(to_arrow(mined, TEMPLATE_FIELDS))
        self._stored, self._due = mined, False
