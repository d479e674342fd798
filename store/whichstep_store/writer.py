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
from whichstep_store.open_rows import OpenRows
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
        open_rows: OpenRows,
        clock: Callable[[], int],
        *,
        retain: Callable[[], object] = lambda: None,
    ) -> None:
        """`retain` drops what is beyond the limits; it is called after each seal and once a day."""
        self._database = database
        self._retain = retain
        self._retained_on: int | None = None
        self._folder = folder
        self._open = open_rows
        self._clock = clock
        self._sealer = Sealer(database, folder, open_rows, clock)
        self._touched_at = _latest_touch(database)
        self._open_since: int | None = None

    def load(self, batches: Sequence[Batch], position: JournalPosition | None) -> LoadReport:
        """Stores the rows of the batches and the journal position; what is stored already changes nothing.

        The wide rows stay in memory until they are sealed and the journal has to keep them until then; rows without a
        position, which no journal has, are sealed before this returns.
        Raises StoreFull or StoreFailed; the same call may be repeated then.
        """
        arrivals = Arrivals.of(batches)
        with self._database.exclusive():
            report = self._load(arrivals, position)
            if position is None:
                self.seal(force=True)
        return report

    def _load(self, arrivals: Arrivals, position: JournalPosition | None) -> LoadReport:
        with self._database.writing() as session:
            loaded = loading.loaded_position(session)
            covered = self._open.position
            report, change = loading.load(
                session,
                arrivals,
                self._open,
                touched_at=self.next_touched_at(),
                sealed=self._folder,
                restore=position is None or (loaded is not None and (covered is None or covered < loaded)),
            )
            if position is not None and (loaded is None or loaded < position):
                loading.move_position(session, position)
            session.after_commit(lambda: self._open.apply(change._replace(position=position)))
        if self._open_since is None and self._open.bytes:
            self._open_since = self._clock()
        return report

    def replace_results(self, results: Results) -> None:
        """Replaces the results of some executions and clears the marks of the traces that were read for it."""
        with self._database.writing() as session:
            replacing.replace(session, results)

    def replace_period(self, unit: str, start: date, rows: pa.Table) -> None:
        """Replaces the figures of one `day`, or `week` by its Monday, UTC (results.DAILY_FIELDS, WEEKLY_FIELDS)."""
        with self._database.writing() as session:
            replacing.replace_period(session, unit, start, rows)

    def replace_grounding(self, rows: pa.Table) -> None:
        """Replaces what was found of the answers of some executions (results.GROUNDING_FIELDS).

        Those of which something else is found than before are marked to be recomputed.
        """
        touched_at = self.next_touched_at()
        with self._database.writing() as session:
            replacing.replace_grounding(session, rows, touched_at)

    def replace_templates(self, rows: pa.Table) -> None:
        """Replaces all templates of failure signatures with `rows` (results.TEMPLATE_FIELDS)."""
        with self._database.writing() as session:
            replacing.replace_templates(session, rows)

    def replace_conformance(self, replaced: pa.Table, rows: pa.Table, contracts: pa.Table) -> None:
        """Replaces the conformance of the executions in `replaced` (results.REPLACED_FIELDS).

        `rows`: results.CONFORMANCE_FIELDS; `contracts`: results.CONTRACT_FIELDS, added where they are new.
        """
        with self._database.writing() as session:
            replacing.replace_conformance(session, replaced, rows, contracts)

    def seal(self, *, force: bool = False) -> list[Segment]:
        """Moves open rows to closed segments when they are many, old, or of a day that has passed; else does nothing.

        Once it returns, the journal up to `Reader.sealed_position` is no longer needed. Takes about a second per
        64 MB, during which other writers wait and readers do not. Applies retention too, when it is due.
        """
        with self._database.exclusive():
            self._open.forget_sealed(self._clock())
            segments: list[Segment] = []
            if force or self.seal_is_due():
                segments = self._sealer.seal()
                self._open_since = None
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
        return aged or self._open.bytes >= OPEN_BYTES_MAX or now // _DAY != self._open_since // _DAY

    def next_touched_at(self) -> int:
        """Now, but later than any mark before: a job that read one mark must never clear a younger one."""
        self._touched_at = max(self._clock(), self._touched_at + 1)
        return self._touched_at


def _latest_touch(database: Database) -> int:
    newest = database.read("select epoch_ns(max(touched_at)) as newest from touched_traces")
    return int(newest["newest"][0].as_py() or 0)
