"""An open data folder: the database file, its segments and its ledger, owned by this process until `close`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from whichstep_store import ledger as ledgers
from whichstep_store import mirror, public_views, recovery, renewal, schema, unsealed
from whichstep_store.access import Database, Limits
from whichstep_store.errors import StoreUnavailable
from whichstep_store.owner import OwnerLock
from whichstep_store.reader import Reader
from whichstep_store.renewal import DATABASE_NAME, SEGMENTS_NAME
from whichstep_store.retention import DAYS, Retention
from whichstep_store.segments import Folder
from whichstep_store.writer import Writer

__all__ = ["DATABASE_NAME", "SEGMENTS_NAME", "Store"]
SPILL_NAME: Final = "spill"
log = logging.getLogger("whichstep.store")


class Store:
    """What the data folder holds, by intent: `writer`, `reader`, `ledger`, `retention`, and the `segments` beneath."""

    def __init__(
        self,
        data_dir: Path,
        owner: OwnerLock,
        database: Database,
        clock: Callable[[], int],
        retention_days: int,
        size_bytes_max: int | None,
    ) -> None:
        self.data_dir = data_dir
        self._owner = owner
        self._database = database
        self._mirroring = threading.Lock()
        self.segments = Folder(database, data_dir / SEGMENTS_NAME)
        created = self._make_tables()
        open_rows = unsealed.taken_from(database)
        database.show_open(open_rows.tables)
        self.retention = Retention(
            database, self.segments, open_rows, data_dir, clock, days=retention_days, size_bytes_max=size_bytes_max
        )
        self.writer = Writer(database, self.segments, open_rows, clock, retain=self.retention.apply)
        self.reader = Reader(database, self.segments, open_rows)
        self._adopt(clock, rebuilding=created)
        self.ledger = ledgers.Ledger(data_dir / ledgers.FILE_NAME, clock=clock, on_change=self.show_decisions)
        self.show_decisions()

    @classmethod
    def open(
        cls,
        data_dir: Path | str,
        *,
        clock: Callable[[], int] = time.time_ns,
        limits: Limits | None = None,
        retention_days: int = DAYS,
        size_bytes_max: int | None = None,
    ) -> Self:
        """Takes ownership of a data folder, making it when it is not there; creates, migrates or rebuilds its tables.

        `clock` gives nanoseconds since the epoch. Raises StoreLocked when another process owns the folder and
        SchemaUnsupported when a newer build wrote it.
        """
        folder = Path(data_dir)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = OwnerLock.acquire(folder)
        try:
            renewal.finish(folder)
            for made in (folder / SEGMENTS_NAME, folder / SPILL_NAME):
                made.mkdir(exist_ok=True, mode=0o700)
            database = Database(
                folder / DATABASE_NAME, (folder / SEGMENTS_NAME, folder / SPILL_NAME), limits or Limits()
            )
            try:
                return cls(folder, owner, database, clock, retention_days, size_bytes_max)
            except BaseException:
                database.close()
                raise
        except BaseException:
            owner.release()
            raise

    def _make_tables(self) -> bool:
        """Brings tables and views to what this build says; whether the database is new."""
        created = schema.ensure(self._database, self.data_dir / DATABASE_NAME)
        self.segments.remove_temporary()
        with self._database.writing() as session:
            self.segments.define_views(session)
            public_views.define(session)
        return created

    def _adopt(self, clock: Callable[[], int], *, rebuilding: bool) -> None:
        """Seals what an older build kept open in the file, then brings the segments to what the folder says.

        A new database beside old segments is a rebuild: every segment is taken into its manifest.
        """
        self.writer.seal(force=True)
        if recovery.adopt_leftovers(self._database, self.segments, clock, rebuilding=rebuilding):
            self._database.checkpoint()

    def show_decisions(self) -> None:
        """Shows the ledger's changes in the views; they stand in the ledger whether or not that works now.

        Evaluations show by themselves; after changes of requests for approval, which somebody waits for, call this.
        """
        try:
            with self._mirroring:  # of two at once, the later must not write what the earlier one read
                mirror.mirror(self._database, self.ledger, self.writer.next_touched_at)
        except StoreUnavailable:
            log.exception("the ledger's changes show in the views after the next one, or the next start")

    def announce(self, endpoint: str) -> None:
        """Writes where this owner answers, for processes that are refused the folder."""
        self._owner.announce(endpoint)

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database file."""
        self._database.checkpoint()

    def log_bytes(self) -> int:
        """Size of the write-ahead log, which a checkpoint empties."""
        return self._database.log_bytes()

    def reopen(self) -> None:
        """Opens the database file again, after StoreFailed. Everything committed is there; nothing else is."""
        self._database.reopen()

    def close(self) -> None:
        """Closes the files and gives the folder up."""
        self.ledger.close()
        self._database.close()
        self._owner.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
