"""The file `ledger.sqlite`: one connection, one change at a time, on disk when it is done; and how its tables grow.

`ledger.sql` says what the tables are; what is new in it is made at every opening. A table that changes needs a file
`ledger_migrations/NNNN_name.sql`, which takes a ledger from version NNNN - 1 to NNNN in one transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self

from whichstep_store.errors import SchemaUnsupported, StoreError, StoreFull

VERSION: Final = 1
_BUSY_SECONDS: Final = 5.0
_PACKAGE: Final = files("whichstep_store")


class LedgerFile:
    """The open file. Any number of threads may call."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it, and brings it to this build's version. Raises SchemaUnsupported for a newer one."""
        self._path = path
        self._lock = threading.RLock()
        self._connection = _connect(path)

    def rows(self, statement: str, values: Sequence[object] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """The rows of a SELECT."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def changing(self) -> Change:
        """One change: `with file.changing() as change:`."""
        return Change(self._connection, self._lock, self._path)

    def copy_to(self, path: Path) -> None:
        """Writes a consistent copy, whatever is written meanwhile."""
        with closing(sqlite3.connect(path)) as copy, self._lock:
            self._connection.backup(copy)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()


class Change:
    """One change: committed and on disk when the block ends, undone when it raises."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock, path: Path) -> None:
        self._connection, self._lock, self._path = connection, lock, path

    def execute(self, statement: str, values: Sequence[object] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Runs one statement within the change."""
        return self._connection.execute(statement, values)

    def next_sequence(self, table: str) -> int:
        """One more than ever given in this table, also when the row that had it is replaced."""
        self.execute(
            "insert into sequences (name, value) values (?, 1) on conflict (name) do update set value = value + 1",
            [table],
        )
        found = self.execute("select value from sequences where name = ?", [table]).fetchone()
        return int(found[0])

    def __enter__(self) -> Self:
        self._lock.acquire()
        try:
            self.execute("begin immediate")
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            self.execute("commit" if kind is None else "rollback")
        except sqlite3.OperationalError as failure:
            if self._connection.in_transaction:
                self.execute("rollback")
            if "full" in str(failure):
                raise StoreFull(f"no room for {self._path}: free some disk space and try again") from failure
            raise StoreError(f"cannot write {self._path}: {failure}") from failure
        finally:
            self._lock.release()


def migrations() -> dict[int, str]:
    """The statements of each migration, by the version that it leads to."""
    entries = ((_PACKAGE / "ledger_migrations").iterdir()) if (_PACKAGE / "ledger_migrations").is_dir() else ()
    scripts = (entry for entry in entries if entry.name.endswith(".sql"))
    return {int(entry.name.partition("_")[0]): entry.read_text(encoding="utf-8") for entry in scripts}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    path.chmod(0o600)
    # FULL: the answer "it is decided" must outlive a power cut; 0.2 ms a decision.
    for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
        connection.execute(f"pragma {pragma}").fetchall()
    try:
        _ensure(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _ensure(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the tables to what `ledger.sql` says."""
    found = int(connection.execute("pragma user_version").fetchone()[0])
    if found > VERSION:
        raise SchemaUnsupported(
            f"cannot open {path}: version {found}, this build reads up to {VERSION}; "
            "install a newer whichstep or choose another --data-dir"
        )
    is_new = not connection.execute("select count(*) from sqlite_master where name = 'sequences'").fetchone()[0]
    scripts = migrations()
    for version in () if is_new else range(found + 1, VERSION + 1):
        connection.executescript(f"begin immediate;\n{scripts[version]}\npragma user_version = {version};\ncommit;")
    tables = (_PACKAGE / "ledger.sql").read_text(encoding="utf-8")
    connection.executescript(f"begin immediate;\n{tables}\npragma user_version = {VERSION};\ncommit;")
