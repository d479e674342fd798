"""The only writer of the tables: loads received rows, replaces results, seals. One call at a time, from any thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import pyarrow as pa

from whichstep_store import loading, replacing
from whichstep_store.access import Database
from whichstep_store.batches import Batch, JournalPosition
from whichstep_store.loading import Arrivals, LoadReport
from whichstep_store.results import Results
from whichstep_store.sealing import OPEN_BYTES_MAX, OPEN_SECONDS_MAX, Sealer
from whichstep_store.segments import Folder, Segment

_NANOSECONDS: Final = 1_000_000_000
_DAY: Final = 86_400 * _NANOSECONDS


class Writer:
    """Changes the store; every method is one transaction."""

    def __init__(
        self,
        database: Database,
        folder: Folder,
        clock: Callable[[], int],
        *,
        retain: Callable[[], object] = lambda: None,
    ) -> None:
        """`retain` drops what is beyond the limits; it is called after each seal and once a day."""
        self._database = database
        self._retain = retain
        self._retained_on: int | None = None
        self._clock = clock
        self._sealer = Sealer(database, folder, clock)
        self._touched_at = _latest_touch(database)
        self._open_bytes = _open_bytes(database)
        self._open_since: int | None = clock() if self._open_bytes else None

    def load(self, batches: Sequence[Batch], position: JournalPosition | None) -> LoadReport:
        """Stores the rows of the batches and the journal position; what is stored already changes nothing.

        Raises StoreFull or StoreFailed, in which case nothing was stored and the same call may be repeated.
        """
        arrivals = Arrivals.of(batches)
        with self._database.writing() as session:
            report = loading.load(session, arrivals, touched_at=self.next_touched_at())
            if position is not None:
                loading.move_position(session, position)
        if report.open_bytes:
            self._open_bytes += report.open_bytes
            self._open_since = self._open_since or self._clock()
        return report

    def replace_results(self, results: Results) -> None:
        """Replaces the results of some executions and clears the marks of the traces that were read for it."""
        with self._database.writing() as session:
            replacing.replace(session, results)

    def replace_daily(self, day: date, rows: pa.Table) -> None:
        """Replaces the figures of one day, UTC, with `rows` (results.DAILY_FIELDS)."""
        with self._database.writing() as session:
            replacing.replace_daily(session, day, rows)

    def seal(self, *, force: bool = False) -> list[Segment]:
        """Moves open rows to closed segments when they are many, old, or of a day that has passed; else does nothing.

        Once it returns, the journal up to `Reader.sealed_position` is no longer needed. Takes about a second per
        64 MB, during which other writers wait and readers do not. Applies retention too, when it is due.
        """
        with self._database.exclusive():
            segments: list[Segment] = []
            if force or self.seal_is_due():
                segments = self._sealer.seal()
                self._open_bytes, self._open_since = 0, None
                self._sealer.compact()
            today = self._clock() // _DAY
            if segments or today != self._retained_on:
                self._retain()
                self._retained_on = today
            return segments

    def seal_is_due(self) -> bool:
        """Whether `seal` has something to do now."""
        if self._open_since is None:
            return False
        now = self._clock()
        aged = now - self._open_since >= OPEN_SECONDS_MAX * _NANOSECONDS
        return aged or self._open_bytes >= OPEN_BYTES_MAX or now // _DAY != self._open_since // _DAY

    def next_touched_at(self) -> int:
        """Now, but later than any mark before: a job that read one mark must never clear a younger one."""
        self._touched_at = max(self._clock(), self._touched_at + 1)
        return self._touched_at


def _latest_touch(database: Database) -> int:
    newest = database.read("select epoch_ns(max(touched_at)) as newest from touched_traces")
    return int(newest["newest"][0].as_py() or 0)


def _open_bytes(database: Database) -> int:
    """Size of what is open; 1 at least where there is anything."""
    found = database.read(_OPEN_BYTES)
    return int(found["bytes"][0].as_py() or 0)


_OPEN_BYTES: Final = """
    select sum(bytes) as bytes
    from (
        select 1 + coalesce(strlen(attributes), 0) + coalesce(strlen(input), 0) + coalesce(strlen(output), 0) as bytes
        from span_open
        union all
        select 1 + strlen(text) from content_open
        union all
        select 1 + coalesce(strlen(body), 0) + coalesce(strlen(attributes), 0) from log_open
    )
"""
