"""The one place that opens DuckDB. Hands out intents, never the connection: `writing`, `read`, `checkpoint`.

Reads see the rows that the store holds in memory (`open_rows`) as of the same commit as the tables.
One root connection writes, one transaction at a time, behind one lock; every read gets a cursor of its own and never
takes that lock. DuckDB may read and write files below the folders it was opened with and nowhere else, loads no
extension, and its configuration is locked. A fatal error invalidates a DuckDB instance: the call raises StoreFailed
(or StoreFull), and the next write opens the file again, where everything that was committed is found.
"""

from __future__ import annotations

import re
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from whichstep_store.errors import (
    RowsRefused,
    SqlRefused,
    SqlStopped,
    StoreError,
    StoreFailed,
    StoreFull,
    StoreUnavailable,
)
from whichstep_store.stopwatch import Stopwatch

Parameters = Sequence[object] | Mapping[str, object] | None

_VERSION_2: Final = int(duckdb.__version__.partition(".")[0]) >= 2
# The other way to Arrow, `sql`, binds each query twice on 2.0 (3 to 30 million instructions more a query of the jobs)
# and builds Python rows first on 1.5; what the copy costs that this warns about is a fifth of reading 20,000 wide rows,
# and a third of reading a million executions, which are read the other way (`many`).
warnings.filterwarnings("ignore", "Arrow output on a DB-API result makes an extra copy", UserWarning)
_BAD_VALUES: Final = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)
_CLOSE_WAIT_SECONDS: Final = 10.0
_NO_SPACE: Final = ("No space left on device", "ENOSPC", "not enough disk space", "Disk quota exceeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What DuckDB may use.

    The checkpoint threshold is high because the default of 16 MB writes the open row group over and over
    (23 instead of 6 µs a row, stalls of a second); whoever loads checkpoints by itself (`Loader`).
    One thread: every call works in the thread that makes it, so several queries still use several cores. A second
    thread is woken for each of the loader's many small statements: a third more instructions (loads of 5,000 spans).
    """

    memory_bytes: int = 1 << 30
    threads: int = 1
    checkpoint_threshold_bytes: int = 1 << 30


class Session:
    """The statements of one transaction. Valid inside `Database.writing` only."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._bound: set[str] = set()
        self._follow_ups: list[Callable[[], None]] = []

    def after_commit(self, follow_up: Callable[[], None]) -> None:
        """Has a change of the open rows made together with the commit: a read sees both or neither."""
        self._follow_ups.append(follow_up)

    def commit(self) -> None:
        """Commits, then makes the changes that belong to it."""
        self._connection.commit()
        for follow_up in self._follow_ups:
            follow_up()

    def bind(self, name: str, table: pa.Table) -> None:
        """Makes an Arrow table visible under a name until the transaction ends."""
        self._connection.register(name, table)
        self._bound.add(name)

    def show(self, name: str, table: pa.Table) -> None:
        """Makes an Arrow table visible to the queries of a cursor; one of the same name gives way."""
        _register(self._connection, name, table)

    def execute(self, sql: str, parameters: Parameters = None) -> int:
        """Runs one statement; the number of rows that it inserted, deleted or updated (0 for any other)."""
        rows = self.rows(sql, parameters)
        return int(rows[0][0]) if rows and isinstance(rows[0][0], int) else 0

    def rows(self, sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """The rows of one statement as tuples; for few rows."""
        return list(self._connection.execute(sql, parameters).fetchall())

    def arrow(self, sql: str, parameters: Parameters = None, *, many: bool = False) -> pa.Table:
        """The rows of one query as an Arrow table; `many` where they may be a million."""
        return _arrow(self._connection, sql, parameters, many=many)

    def release(self) -> None:
        """Forgets the bound tables."""
        for name in self._bound:
            self._connection.unregister(name)
        self._bound.clear()


class Database:
    """An open DuckDB file."""

    def __init__(self, path: Path, folders: Sequence[Path], limits: Limits) -> None:
        self._path = path
        self._folders = tuple(folders)
        self._limits = limits
        self._write_lock = threading.RLock()
        self._commit_turn = threading.Lock()
        self._open_tables: Callable[[Iterable[str]], Mapping[str, pa.Table]] = lambda _: {}
        self._state = threading.Condition()
        self._reading: set[duckdb.DuckDBPyConnection] = set()
        self._broken = False
        self._connection: duckdb.DuckDBPyConnection | None = self._connect()

    def show_open(self, tables: Callable[[Iterable[str]], Mapping[str, pa.Table]]) -> None:
        """Takes the open rows from this function: given names of open tables, the rows to be seen under each."""
        self._open_tables = tables

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises. Blocks until it is its turn."""
        with self._write_lock:
            connection = self._require_open()
            session = Session(connection)
            try:
                connection.begin()
                yield session
                with self._commit_turn:
                    session.commit()
            except duckdb.Error as error:
                self._roll_back(connection)
                raise self._translated(error) from error
            except BaseException:
                self._roll_back(connection)
                raise
            finally:
                session.release()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the writers' turn over several transactions; readers go on. Opens a failed file again first."""
        with self._write_lock:
            self._require_open()
            yield

    def read(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """The rows of one query, on a cursor of its own."""
        with self.reading(sql) as session:
            return session.arrow(sql, parameters)

    @contextmanager
    def reading(self, *texts: str) -> Iterator[Session]:
        """A cursor for queries that see one state of everything; `texts` name the open tables or views over them."""
        try:
            with self._cursor() as cursor:
                self._show(cursor, texts)
                yield Session(cursor)
        except duckdb.Error as error:
            raise self._translated(error) from error

    @contextmanager
    def one_state(self) -> Iterator[Session]:
        """A cursor for several queries that see one state of the tables; open rows are not among them."""
        try:
            with self._cursor() as cursor:
                cursor.begin()
                yield Session(cursor)
        except duckdb.Error as error:
            raise self._translated(error) from error

    @contextmanager
    def snapshot(self, name: str) -> Iterator[tuple[Session, pa.Table]]:
        """A cursor for several queries that see one state, and the rows of an open table as they are in that state."""
        try:
            with self._cursor() as cursor:
                yield Session(cursor), self._begin(cursor, [name])[name]
        except duckdb.Error as error:
            raise self._translated(error) from error

    def _show(self, cursor: duckdb.DuckDBPyConnection, texts: Iterable[str]) -> None:
        """Registers the open rows that the texts need.

        Registering 95 columns takes a millisecond: only queries that name them pay for it.
        """
        names = _open_names(texts)
        if not names:
            return
        for name, table in self._begin(cursor, names).items():
            _register(cursor, name, table)

    def _begin(self, cursor: duckdb.DuckDBPyConnection, names: Iterable[str]) -> Mapping[str, pa.Table]:
        """Begins a transaction; the open rows as of the commit that it sees."""
        with self._commit_turn:
            cursor.begin()
            cursor.execute("select 1 from schema_version").fetchall()  # the transaction's state is chosen here
            return self._open_tables(names)

    def read_as_user(self, sql: str, *, row_limit: int, stopwatch: Stopwatch) -> pa.Table:
        """The first `row_limit` rows of a user's query over the public views, which must have been checked.

        Raises SqlStopped when the stopwatch ends it and SqlRefused when it makes no sense to DuckDB.
        """
        try:
            with self._cursor() as cursor:
                self._show(cursor, [sql])
                cursor.execute("use public").fetchall()
                with stopwatch.watching(cursor.interrupt, self._working_bytes):
                    return _first(_arrow_reader(cursor, sql), row_limit)
        except duckdb.Error as error:
            if stopwatch.reason is not None:
                raise SqlStopped(stopwatch.reason) from error
            if isinstance(error, (duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.InternalException)):
                raise self._translated(error) from error
            raise SqlRefused(str(error)) from error

    def _working_bytes(self) -> int:
        """Memory that queries hold at the moment, caches left out."""
        with self._cursor() as cursor:
            return int(cursor.execute(_WORKING_BYTES).fetchall()[0][0])

    def copy_out(self, sql: str) -> None:
        """Runs a COPY to a file below the allowed folders, on a cursor of its own."""
        try:
            with self._cursor() as cursor:
                cursor.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self._translated(error) from error

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the file. Writers wait for it, readers do not."""
        with self._write_lock:
            try:
                self._require_open().execute("checkpoint").fetchall()
            except duckdb.Error as error:
                raise self._translated(error) from error

    def log_bytes(self) -> int:
        """Size of the write-ahead log: what the next checkpoint moves, and what the next start reads after a crash."""
        try:
            return self._path.with_name(f"{self._path.name}.wal").stat().st_size
        except FileNotFoundError:
            return 0

    def reopen(self) -> None:
        """Closes the file, interrupting whatever reads it, and opens it again."""
        with self._write_lock:
            self.close()
            self._connection = self._connect()
            self._broken = False

    def close(self) -> None:
        """Closes the file; what is still reading is interrupted. A second call does nothing."""
        with self._write_lock, self._state:
            connection, self._connection = self._connection, None
            deadline = time.monotonic() + _CLOSE_WAIT_SECONDS
            while self._reading:
                if time.monotonic() > deadline:
                    raise StoreFailed(f"cannot close {self._path}: a query does not stop; restart the process")
                for cursor in self._reading:
                    cursor.interrupt()  # again and again: one that comes before its query has begun is lost
                self._state.wait(0.05)
            if connection is not None:
                connection.close()

    def _require_open(self) -> duckdb.DuckDBPyConnection:
        if self._broken:
            self.reopen()
        if self._connection is None:
            raise StoreFailed(f"{self._path} is closed; open the store again")
        return self._connection

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._state:
            if self._connection is None or self._broken:
                raise StoreFailed(f"{self._path} is being reopened; try again")
            cursor = self._connection.cursor()
            self._reading.add(cursor)
        try:
            yield cursor
        finally:
            cursor.close()
            with self._state:
                self._reading.discard(cursor)
                self._state.notify_all()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(self._path), config=_configuration(self._limits))
            _lock_down(connection, self._folders)
        except duckdb.Error as error:
            translated = self._translated(error)
            if isinstance(translated, StoreFull):
                raise translated from error
            raise StoreError(
                f"cannot open {self._path}: {error}; `whichstep rebuild` makes it again from segments and journal"
            ) from error
        return connection

    def _roll_back(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.rollback()
        except duckdb.TransactionException:
            return  # the failed statement or commit has rolled back already
        except duckdb.Error:
            self._broken = True

    def _translated(self, error: duckdb.Error) -> Exception:
        """The store's word for an error of DuckDB; remembers when the instance is of no more use."""
        text = str(error)
        if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
            self._broken = True
        if any(sign in text for sign in _NO_SPACE):
            # The instance may be invalid after a failed write: opening it again is cheap and always right.
            self._broken = True
            return StoreFull(f"no room for {self._path}: free some disk space; writing resumes by itself")
        if self._broken:
            return StoreFailed(f"DuckDB gave up on {self._path}: {text}; reopen the store")
        if isinstance(error, duckdb.OutOfMemoryException):
            return StoreUnavailable(f"the store's memory of {self._limits.memory_bytes} bytes is in use; try again")
        if isinstance(error, duckdb.InterruptException):
            return StoreUnavailable("the query was interrupted; try again")
        if isinstance(error, _BAD_VALUES):
            return RowsRefused(text)
        return StoreError(f"{self._path}: {text}")


_WORKING_BYTES: Final = """
    select coalesce(sum(memory_usage_bytes), 0)::bigint from duckdb_memory()
    where tag not in ('BASE_TABLE', 'EXTERNAL_FILE_CACHE', 'IN_MEMORY_TABLE', 'METADATA')
"""


def parse(sql: str) -> str:
    """DuckDB's own syntax tree of a text, as JSON; `error` in it is true when the text is not made of SELECTs."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        rows = connection.execute("select cast(json_serialize_sql(?) as varchar)", [sql]).fetchall()
    return str(rows[0][0])


def function_names() -> frozenset[str]:
    """Names of the functions of DuckDB that give the same answer for the same arguments and touch nothing else."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        rows = connection.execute(_PURE_FUNCTIONS).fetchall()
    return frozenset(str(name) for (name,) in rows)


_PURE_FUNCTIONS: Final = """
    select function_name from duckdb_functions()
    where function_type in ('scalar', 'aggregate', 'macro', 'window')
    group by function_name
    having not bool_or(stability is not distinct from 'VOLATILE')
"""


def _configuration(limits: Limits) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{limits.memory_bytes >> 20}MiB",
        "threads": limits.threads,
        "checkpoint_threshold": f"{limits.checkpoint_threshold_bytes >> 20}MiB",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        "preserve_insertion_order": True,
    }


def _lock_down(connection: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> None:
    allowed = ", ".join(quoted(str(folder)) for folder in folders)
    for statement in (
        "set global timezone = 'UTC'",
        f"set temp_directory = {quoted(str(folders[-1]))}",
        f"set allowed_directories = [{allowed}]",
        "set enable_external_access = false",
        "set lock_configuration = true",
    ):
        connection.execute(statement).fetchall()


# What a text must name to need an open table: the table, or a public view over it.
_OPEN_TABLES: Final = {
    "span_open": re.compile(r"\b(span_open|spans|step_content)\b", re.IGNORECASE),
    "content_open": re.compile(r"\b(content_open|step_content)\b", re.IGNORECASE),
    "log_open": re.compile(r"\blog_open\b", re.IGNORECASE),
}


def _open_names(texts: Iterable[str]) -> list[str]:
    whole = "\n".join(texts)
    return [name for name, needed in _OPEN_TABLES.items() if needed.search(whole)]


def _register(cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    if _VERSION_2:
        cursor.register(name, table)
        return
    # 1.5 cannot push join filters on UUIDs into Arrow.
    cursor.register(f"{name}_arrow", table)
    cursor.execute(
        f"create or replace temp view {name} as "
        f"with rows as materialized (select * from {name}_arrow) select * from rows"
    ).fetchall()


def quoted(text: str) -> str:
    """A text as an SQL literal, for the few places where DuckDB binds no parameter (views, COPY, settings)."""
    return "'" + text.replace("'", "''") + "'"


def _arrow(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters, *, many: bool = False) -> pa.Table:
    if many and _VERSION_2:
        return connection.sql(sql, params=parameters).to_arrow_table()
    return connection.execute(sql, parameters).to_arrow_table()


def _arrow_reader(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    rows_per_batch = 2048  # DuckDB's vector: the least that is computed at once
    if _VERSION_2:
        return connection.sql(sql).to_arrow_reader(rows_per_batch)
    return connection.execute(sql).to_arrow_reader(rows_per_batch)


def _first(reader: pa.RecordBatchReader, row_limit: int) -> pa.Table:
    kept, rows = [], 0
    for batch in reader:
        kept.append(batch.slice(0, row_limit - rows))
        rows += kept[-1].num_rows
        if rows >= row_limit:
            break
    return pa.Table.from_batches(kept, schema=reader.schema)
