"""The only writer of the tables: loads received rows, replaces results, seals. One call at a time, from any thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whichstep_store import loading, replacing
from whichstep_store.access import Database
from whichstep_store.batches import Batch, JournalPosition
from whichstep_store.loading import Arrivals, LoadReport
from whichstep_store.results import Results


class Writer:
    """Changes the store; every method is one transaction."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._touched_at = _latest_touch(database)
        self.open_bytes = 0

    def load(self, batches: Sequence[Batch], position: JournalPosition | None) -> LoadReport:
        """Stores the rows of the batches and the journal position; what is stored already changes nothing.

        Raises StoreFull or StoreFailed, in which case nothing was stored and the same call may be repeated.
        """
        arrivals = Arrivals.of(batches)
        with self._database.writing() as session:
            report = loading.load(session, arrivals, touched_at=self._next_touched_at())
            if position is not None:
                loading.move_position(session, position)
        self.open_bytes += report.open_bytes
        return report

    def replace_results(self, results: Results) -> None:
        """Replaces the results of some executions and clears the marks of the traces that were read for it."""
        with self._database.writing() as session:
            replacing.replace(session, results)

    def _next_touched_at(self) -> int:
        """Now, but later than any mark before: a job that read one mark must never clear a younger one."""
        self._touched_at = max(self._clock(), self._touched_at + 1)
        return self._touched_at


def _latest_touch(database: Database) -> int:
    newest = database.read("select epoch_ns(max(touched_at)) as newest from touched_traces")
    return int(newest["newest"][0].as_py() or 0)
