"""An open data folder: the database file, its segments and its ledger, owned by this process until `close`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from whichstep_store import public_views, recovery, schema
from whichstep_store.access import Database, Limits
from whichstep_store.owner import OwnerLock
from whichstep_store.reader import Reader
from whichstep_store.segments import Folder
from whichstep_store.writer import Writer

DATABASE_NAME: Final = "whichstep.duckdb"
SEGMENTS_NAME: Final = "segments"
SPILL_NAME: Final = "spill"


class Store:
    """What the data folder holds, by intent: `writer` and `reader`."""

    def __init__(self, data_dir: Path, owner: OwnerLock, database: Database, clock: Callable[[], int]) -> None:
        self.data_dir = data_dir
        self._owner = owner
        self._database = database
        self._segments = Folder(database, data_dir / SEGMENTS_NAME)
        self._make_ready(clock)
        self.writer = Writer(database, self._segments, clock)
        self.reader = Reader(database, self._segments)

    @classmethod
    def open(
        cls, data_dir: Path | str, *, clock: Callable[[], int] = time.time_ns, limits: Limits | None = None
    ) -> Self:
        """Takes ownership of a data folder, making it when it is not there; creates or migrates its tables.

        `clock` gives nanoseconds since the epoch. Raises StoreLocked when another process owns the folder and
        SchemaUnsupported when a newer build wrote it.
        """
        folder = Path(data_dir)
        for made in (folder, folder / SEGMENTS_NAME, folder / SPILL_NAME):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = OwnerLock.acquire(folder)
        try:
            database = Database(
                folder / DATABASE_NAME, (folder / SEGMENTS_NAME, folder / SPILL_NAME), limits or Limits()
            )
            try:
                return cls(folder, owner, database, clock)
            except BaseException:
                database.close()
                raise
        except BaseException:
            owner.release()
            raise

    def _make_ready(self, clock: Callable[[], int]) -> None:
        """Brings tables, views and segments to what this build and the folder say."""
        schema.ensure(self._database, self.data_dir / DATABASE_NAME)
        self._segments.remove_temporary()
        with self._database.writing() as session:
            self._segments.define_views(session)
            public_views.define(session)
        recovery.adopt_leftovers(self._database, self._segments, clock)

    def announce(self, endpoint: str) -> None:
        """Writes where this owner answers, for processes that are refused the folder."""
        self._owner.announce(endpoint)

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database file."""
        self._database.checkpoint()

    def reopen(self) -> None:
        """Opens the database file again, after StoreFailed. Everything committed is there; nothing else is."""
        self._database.reopen()

    def close(self) -> None:
        """Closes the files and gives the folder up."""
        self._database.close()
        self._owner.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
