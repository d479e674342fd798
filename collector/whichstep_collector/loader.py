"""Moves batches from the journal to the store: the only writer of received rows.

One thread. Batches join one transaction for a short while; the transaction also holds the journal position, so after
any failure the loader begins again where the store says it is, and nothing is there twice. It also seals, checkpoints
when the database's log is large or old, and applies retention, which an acknowledgement never waits for; and it
removes journal segments once their rows are in sealed files and a checkpoint has passed. A full disk or a failed
database is waited for. A batch that the store refuses for a reason of its own is set aside in the journal's folder,
said and counted: it cannot stop what comes behind it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from whichstep_collector.counters import Counters
from whichstep_collector.errors import JournalForeign
from whichstep_collector.journal import Journal
from whichstep_store.batches import Batch, JournalPosition
from whichstep_store.errors import StoreError, StoreFailed
from whichstep_store.store import Store

START: Final = JournalPosition(0, 0)
_IDLE_SECONDS: Final = (2.0, 60.0)
"""What arrives wakes the loader at once; only what grows old is found by looking: what the store keeps for ten seconds
after a seal, a seal after 15 minutes. Looks that find nothing come at twice the distance: a look into memory that has
grown cold costs 6 ms of CPU."""
_RETENTION_SECONDS: Final = 3600.0
_LOG_BYTES_MAX: Final = 256 << 20
"""Of the database's write-ahead log: then a checkpoint. It writes the newest row group of every table again, so one
after each seal costs 13 us CPU a span and one at this size 7 (log of 2.1 KB a span, 100,000 spans of
benchmarks/end_to_end.py, 2026-11, 2 cores); reading 200 MB of log after a crash takes the next start 1.2 s."""
_RETRY_SECONDS: Final = (0.25, 5.0)

log = logging.getLogger("whichstep.loader")


class _Collected(NamedTuple):
    """Batches for one transaction, and where the journal stands behind them."""

    batches: list[Batch]
    ends: list[JournalPosition]
    rows: int


class Loader:
    """The thread between the journal and the store. `start` it once, `stop` it once."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        *,
        counters: Counters,
        interval_seconds: float = 0.25,
        rows_max: int = 5000,
        checkpoint_interval_seconds: float = 300.0,
        log_bytes_max: int = _LOG_BYTES_MAX,
        on_load: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_load` is called after each transaction that may have added rows."""
        self._journal, self._store, self._counters = journal, store, counters
        self._interval_seconds, self._rows_max = interval_seconds, rows_max
        self._checkpoint_interval_seconds, self._log_bytes_max = checkpoint_interval_seconds, log_bytes_max
        self._on_load, self._monotonic = on_load, monotonic
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="loader", daemon=True)
        self._checkpointed_at = monotonic()
        self._changed_since_checkpoint = False
        self._idle_seconds = _IDLE_SECONDS[0]
        self._retained_at: float | None = None
        self._deadline = float("inf")
        self._position: JournalPosition | None = None  # None: ask the store
        self._restored_at: JournalPosition | None = None
        self._is_restored = False
        self.trouble: str | None = None
        """What keeps the loader from loading; None when nothing does."""

    def start(self) -> None:
        """Begin where the store is."""
        self._restored_at = self._journal.end()
        self._thread.start()

    @property
    def is_restored(self) -> bool:
        """Whether the store has all that the journal held at the start, also what a crash took from memory."""
        return self._is_restored or self._restore_ended()

    def _restore_ended(self) -> bool:
        position, end = self._position, self._restored_at
        self._is_restored = position is not None and end is not None and position >= end
        return self._is_restored

    def stop(self, *, timeout_seconds: float) -> bool:
        """Load what the journal still holds and end; return whether all of it was loaded in time."""
        self._deadline = self._monotonic() + timeout_seconds
        self._stopping.set()
        self._journal.wake()
        self._thread.join(timeout_seconds + 1.0)
        return not self._thread.is_alive() and not self._journal.wait(self.position(), timeout_seconds=0)

    def seal(self) -> None:
        """Seal everything and checkpoint, so that the folder holds nothing twice; for the end of the process.

        Raises:
            StoreError: it could not; the next start goes on from the journal.
        """
        self._counters.add("whichstep_segments_sealed_total", len(self._store.writer.seal(force=True)))
        self.checkpoint()

    def position(self) -> JournalPosition:
        """Return how far the store is."""
        return self._position or self._store.reader.journal_position() or START

    def run(self) -> None:
        """Load until stopped and, within the time given, until nothing is left."""
        failures = 0
        while not (self._stopping.is_set() and self._is_over()):
            try:
                self._load_next()
            except (StoreError, JournalForeign, OSError) as error:
                self._note_trouble(error)
                self._pause(failures)
                failures += 1
            else:
                self.trouble, failures = None, 0

    def _load_next(self) -> None:
        if self._position is None:
            self._note_loaded(self.position())
        if not self._journal.wait(self.position(), timeout_seconds=self._idle_seconds, over=self._stopping.is_set):
            self._is_restored = True
            self._idle_seconds = min(2 * self._idle_seconds, _IDLE_SECONDS[1])
            self._tidy()
            return
        self._stopping.wait(self._interval_seconds)  # let more join the transaction
        while (collected := self._collect(self.position())).batches:
            self._load(collected)
            if collected.rows < self._rows_max:
                break

    def _collect(self, position: JournalPosition) -> _Collected:
        batches, ends, rows = [], [], 0
        for end, batch in self._journal.read(position):
            batches.append(batch)
            ends.append(end)
            rows += batch.spans.num_rows + batch.logs.num_rows
            if rows >= self._rows_max:
                break
        return _Collected(batches, ends, rows)

    def _load(self, collected: _Collected) -> None:
        try:
            self._load_together(collected.batches, collected.ends[-1])
        except StoreError:
            raise
        except Exception:  # a batch that the store cannot take must not stop the others
            log.exception("the store cannot take %d batches together; trying each", len(collected.batches))
            for batch, end in zip(collected.batches, collected.ends, strict=True):
                self._load_alone(batch, end)
        self._idle_seconds = _IDLE_SECONDS[0]
        self._tidy()
        self._on_load()

    def _load_together(self, batches: list[Batch], end: JournalPosition) -> None:
        report = self._store.writer.load(batches, end)
        self._note_loaded(end)
        self._changed_since_checkpoint = True
        self._counters.add("whichstep_rows_loaded_total", report.rows)
        self._counters.add("whichstep_duplicates_total", report.duplicates)

    def _load_alone(self, batch: Batch, end: JournalPosition) -> None:
        try:
            self._load_together([batch], end)
        except StoreError:
            raise
        except Exception:
            path = self._journal.set_aside(batch, end)
            log.exception("the store cannot take a batch; it is set aside in %s, please report it", path)
            self._counters.add("whichstep_batches_set_aside_total")
            self._store.writer.load([], end)
            self._note_loaded(end)

    def _note_loaded(self, end: JournalPosition) -> None:
        self._position = end
        self._journal.mark_loaded(end)

    def _tidy(self) -> None:
        """Seal, checkpoint and drop what is too old, each when due; let the journal forget what is safe elsewhere."""
        sealed = self._store.writer.seal()
        self._counters.add("whichstep_segments_sealed_total", len(sealed))
        if sealed:
            self._changed_since_checkpoint, self._idle_seconds = True, _IDLE_SECONDS[0]
        overdue = self._monotonic() - self._checkpointed_at >= self._checkpoint_interval_seconds
        if (overdue and self._changed_since_checkpoint) or self._store.log_bytes() >= self._log_bytes_max:
            self.checkpoint()
        if self._retained_at is None or self._monotonic() - self._retained_at >= _RETENTION_SECONDS:
            self._store.retention.apply()
            self._retained_at = self._monotonic()

    def checkpoint(self) -> None:
        """Checkpoint the database, then remove the journal segments that nothing needs any more."""
        safe = self._store.reader.sealed_position()
        self._store.checkpoint()
        self._checkpointed_at = self._monotonic()
        self._changed_since_checkpoint = False
        self._counters.add("whichstep_checkpoints_total")
        if safe is not None:
            self._journal.remove_before(safe)

    def _note_trouble(self, error: Exception) -> None:
        self._counters.add("whichstep_load_failures_total")
        self._position = None
        if self.trouble != str(error):  # said once, not at every attempt
            log.error("loading waits: %s", error)
        self.trouble = str(error)
        if isinstance(error, StoreFailed) and self._monotonic() < self._deadline:
            self._reopen()  # after the deadline the store is its owner's to close

    def _reopen(self) -> None:
        try:
            self._store.reopen()
            self._counters.add("whichstep_store_reopens_total")
        except StoreError as error:
            log.error("cannot open the store again, trying on: %s", error)  # noqa: TRY400  the cause is in the text

    def _pause(self, failures: int) -> None:
        shortest, longest = _RETRY_SECONDS
        seconds = min(shortest * 2 ** min(failures, 10), longest)
        if self._stopping.is_set():
            time.sleep(shortest)
        else:
            self._stopping.wait(seconds)

    def _is_over(self) -> bool:
        """Whether a stopping loader has nothing left to do, or no time."""
        if self._monotonic() >= self._deadline:
            return True
        try:
            return not self._journal.wait(self.position(), timeout_seconds=0)
        except StoreError:
            return False
