"""Closed Parquet files and the manifest that lists them. A file that the manifest does not list does not exist.

A segment appears in four steps, each durable before the next: temporary file, fsync, rename with fsync of the folder,
one transaction that lists it. A crash between any two leaves rows where they were and at most a file that `leftovers`
names. Segments hold rows of one kind, sorted by trace_id in row groups small enough that a trace reads few of them;
their name begins with the day on which they were received, by which retention drops them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store.access import Database, Session, quoted
from whichstep_store.batches import CONTENT_SCHEMA, LOG_SCHEMA, SPAN_SCHEMA, UUID
from whichstep_store.errors import StoreFailed, StoreFull
from whichstep_store.open_rows import storage, whole

Kind = Literal["spans", "content", "logs"]
KINDS: Final[tuple[Kind, ...]] = ("spans", "content", "logs")
COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "spans": tuple(SPAN_SCHEMA.names),
    "content": tuple(CONTENT_SCHEMA.names),
    "logs": tuple(LOG_SCHEMA.names),
}
ORDER: Final[Mapping[Kind, str]] = {
    "spans": "trace_id, started_at, span_id",
    "content": "trace_id, hash",
    "logs": "trace_id, occurred_at, digest",
}
SUFFIX: Final = ".parquet"
TEMPORARY_SUFFIX: Final = ".tmp"
# A trace of 20 spans reads one or two groups of about 1 MB; smaller groups compress worse.
_ROW_GROUP_ROWS: Final = 16_384
# Columns by which reads skip row groups; statistics of the others would cost and help nobody.
_STATISTICS: Final[Mapping[Kind, list[str]]] = {
    "spans": ["trace_id", "started_at"],
    "content": ["trace_id"],
    "logs": ["trace_id", "occurred_at"],
}
# Every value but a few is there once: a dictionary of them costs CPU and bytes.
_DISTINCT: Final = frozenset({
    "trace_id", "span_id", "parent_span_id", "received_at", "started_at", "ended_at", "occurred_at", "digest", "hash",
    "text",
})  # fmt: skip
Bounds = tuple[int, int]
# Seals are in the way of loads and fast: previews with LZ4 take 28 thousand instructions a span, with zstd at level 1
# 51 (spans of benchmarks/load.py). Whole texts stay with zstd: LZ4 needs 1.5 times the bytes, and agents of 20
# turns took 0.151 of the OTLP bytes on disk. Merging is not in the way, and thorough.
SEAL_COMPRESSION: Final[Mapping[Kind, tuple[str, int | None]]] = {
    "spans": ("lz4", None),
    "content": ("zstd", 1),
    "logs": ("lz4", None),
}
MERGE_LEVEL: Final = 6


class Segment(NamedTuple):
    """One row of the manifest. Times in nanoseconds since the epoch; None where rows have none."""

    segment_id: str
    kind: Kind
    received_day: date
    rows: int
    bytes: int
    min_started_at: int | None
    max_started_at: int | None
    min_trace_id: str | None
    max_trace_id: str | None
    sealed_at: int
    sha256: str


class _Facts(NamedTuple):
    """Counts and bounds of the rows of a file."""

    rows: int
    min_started_at: int | None
    max_started_at: int | None
    min_trace_id: str | None
    max_trace_id: str | None


class Folder:
    """The folder of segments: writes files durably, reads and changes the manifest."""

    def __init__(self, database: Database, path: Path, reached: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self.reached = reached
        """Called with the name of each step that is done, for tests that crash there."""
        self._database = database

    def file(self, segment_id: str) -> Path:
        """Where a segment is."""
        return self.path / f"{segment_id}{SUFFIX}"

    def listed(self) -> list[Segment]:
        """The manifest, oldest first."""
        return [segment_from(row) for row in self._database.read(_MANIFEST).to_pylist()]

    def files(self, session: Session, kind: Kind, since: int, until: int) -> list[Path]:
        """Listed files that can hold rows of spans that started then, in nanoseconds since the epoch."""
        rows = session.rows(_FILES, [kind, since, until])
        return sorted(path for (segment_id,) in rows if (path := self.file(segment_id)).exists())

    def leftovers(self) -> list[Path]:
        """Files of segments that the manifest does not list."""
        known = {segment.segment_id for segment in self.listed()}
        return sorted(path for path in self.path.glob(f"*{SUFFIX}") if path.stem not in known)

    def remove_temporary(self) -> int:
        """Removes what a crash in the middle of writing left; the number of files."""
        found = list(self.path.glob(f"*{TEMPORARY_SUFFIX}"))
        for path in found:
            path.unlink()
        return len(found)

    def write(
        self, kind: Kind, rows: pa.Table, *, received_day: date, sealed_at: int, bounds: Bounds | None
    ) -> Segment | None:
        """Writes rows, in the order of `in_order`, to a closed file, not listed yet; None when there are none.

        `bounds` are the first and last start of the spans that the rows belong to, where the rows do not say.
        Raises StoreFull or StoreFailed, and leaves no file then.
        """
        if not rows.num_rows:
            return None
        return self._close(kind, lambda path: _write(kind, rows, path), received_day, sealed_at, bounds)

    def write_query(
        self, kind: Kind, select: str, *, received_day: date, sealed_at: int, level: int, bounds: Bounds | None
    ) -> Segment | None:
        """Like `write`, for the rows of a query; `level` is that of the compression."""

        def fill(path: Path) -> _Facts:
            self._database.copy_out(_copy(kind, select, path, level))
            return self._facts(kind, path)

        return self._close(kind, fill, received_day, sealed_at, bounds)

    def _close(
        self, kind: Kind, fill: Callable[[Path], _Facts], received_day: date, sealed_at: int, bounds: Bounds | None
    ) -> Segment | None:
        segment_id = self._free_id(kind, received_day, sealed_at)
        temporary = self.path / f"{segment_id}{TEMPORARY_SUFFIX}"
        try:
            facts = fill(temporary)
            self.reached(f"{kind} written")
            digest = _fsync_and_hash(temporary)
        except BaseException:
            temporary.unlink(missing_ok=True)  # half a file would keep the room that the next attempt needs
            raise
        if not facts.rows:
            temporary.unlink()
            return None
        self.reached(f"{kind} synced")
        temporary.rename(self.file(segment_id))
        self.reached(f"{kind} renamed")
        _fsync_folder(self.path)
        if bounds is not None:
            facts = facts._replace(min_started_at=bounds[0], max_started_at=bounds[1])
        return self._segment(self.file(segment_id), kind, facts, received_day, sealed_at, digest)

    def describe(self, path: Path, *, sealed_at: int) -> Segment:
        """The manifest row of a file that is there already."""
        day, name, _ = path.stem.split("-")
        kind: Kind = next(known for known in KINDS if known == name)
        received_day = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date()
        return self._segment(path, kind, self._facts(kind, path), received_day, sealed_at, hash_file(path))

    def _segment(
        self, path: Path, kind: Kind, facts: _Facts, received_day: date, sealed_at: int, digest: str
    ) -> Segment:
        return Segment(
            segment_id=path.stem,
            kind=kind,
            received_day=received_day,
            rows=facts.rows,
            bytes=path.stat().st_size,
            min_started_at=facts.min_started_at,
            max_started_at=facts.max_started_at,
            min_trace_id=facts.min_trace_id,
            max_trace_id=facts.max_trace_id,
            sealed_at=sealed_at,
            sha256=digest,
        )

    def list_segments(self, session: Session, added: Sequence[Segment], removed: Sequence[Segment] = ()) -> None:
        """Changes the manifest, and with it what the views over segments read."""
        for segment in removed:
            session.execute("delete from segments where segment_id = ?", [segment.segment_id])
        for segment in added:
            session.execute(_LIST, list(segment))
        self.define_views(session)

    def define_views(self, session: Session) -> None:
        """Makes the views `sealed_spans`, `sealed_content` and `sealed_logs` read exactly the listed files.

        A listed file that is missing is left out, so that one lost file does not take the others along; `verify`
        reports it.
        """
        rows = session.rows("select kind, segment_id from segments order by segment_id")
        for kind in KINDS:
            paths = [self.file(segment_id) for listed_kind, segment_id in rows if listed_kind == kind]
            present = [path for path in paths if path.exists()]
            session.execute(f"create or replace view sealed_{kind} as {read(kind, present)}")

    def _free_id(self, kind: Kind, received_day: date, sealed_at: int) -> str:
        """A name that no file has, whatever the clock does."""
        while self.file(segment_id := f"{received_day:%Y%m%d}-{kind}-{sealed_at:020d}").exists():
            sealed_at += 1
        return segment_id

    def _facts(self, kind: Kind, path: Path) -> _Facts:
        started = {"spans": "started_at", "content": "null::timestamp_ns", "logs": "occurred_at"}[kind]
        return _Facts(
            **self._database.read(f"""
                select
                    count(*) as rows,
                    epoch_ns(min({started})) as min_started_at,
                    epoch_ns(max({started})) as max_started_at,
                    cast(min(trace_id) as varchar) as min_trace_id,
                    cast(max(trace_id) as varchar) as max_trace_id
                from {read(kind, [path])}
            """).to_pylist()[0]
        )


def read(kind: Kind, paths: Sequence[Path]) -> str:
    """A query over the rows of some files of one kind."""
    names = ", ".join(COLUMNS[kind])
    if not paths:
        return f"(select {names} from {_SHAPES[kind]} where false)"
    files = ", ".join(quoted(str(path)) for path in paths)
    return f"(select {names} from read_parquet([{files}], union_by_name = true))"


# Tables that have the columns of a segment, for a query over no files.
_SHAPES: Final[Mapping[Kind, str]] = {
    "spans": "span_open",
    "content": "content_open",
    "logs": "log_open",
}


def segment_from(row: Mapping[str, object]) -> Segment:
    """A row of the manifest as a value."""
    return Segment(**row)  # type: ignore[arg-type]


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(kind: Kind, rows: pa.Table, path: Path) -> _Facts:
    compression, level = SEAL_COMPRESSION[kind]
    try:
        from pyarrow import parquet  # noqa: PLC0415  6 MiB of libraries, of which the first seal is time enough

        parquet.write_table(
            rows,
            path,
            compression=compression,
            compression_level=level,
            use_dictionary=_dictionaries(rows.schema),
            row_group_size=_ROW_GROUP_ROWS,
            write_statistics=_STATISTICS[kind],
        )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"no room for {path}: free some disk space; writing resumes by itself") from error
        raise StoreFailed(f"cannot write {path}: {error}") from error
    return _facts_of(kind, rows)


def _dictionaries(schema: pa.Schema) -> list[str] | bool:
    """Paths of the columns that are worth a dictionary; False where none is."""
    paths = [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in schema
        if field.name not in _DISTINCT
    ]
    return paths or False


def _facts_of(kind: Kind, ordered: pa.Table) -> _Facts:
    """The facts of rows in the order of a segment: traces ascend, and rows without one come last."""
    traces = storage(ordered["trace_id"])
    known = len(traces) - traces.null_count
    started = {"spans": "started_at", "content": None, "logs": "occurred_at"}[kind]
    bounds = pc.min_max(ordered[started].cast(pa.int64())).as_py() if started else {"min": None, "max": None}
    return _Facts(
        rows=ordered.num_rows,
        min_started_at=bounds["min"],
        max_started_at=bounds["max"],
        min_trace_id=str(uuid.UUID(bytes=traces[0].as_py())) if known else None,
        max_trace_id=str(uuid.UUID(bytes=traces[known - 1].as_py())) if known else None,
    )


def in_order(kind: Kind, rows: pa.Table) -> pa.Table:
    """The rows in the order of a segment, in memory of their own.

    Each column becomes one array first, as taking rows out of many costs several times as much; and one column after
    the other, so that the memory of one serves the next.
    """
    if not rows.num_rows:
        return rows
    names = ORDER[kind].split(", ")
    keys = pa.table({name: _sortable(rows[name]) for name in names})
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in names])
    columns = [_taken(rows[name], order) for name in rows.column_names]
    return pa.Table.from_arrays(columns, schema=rows.schema)


def _taken(column: pa.ChunkedArray, order: pa.Array) -> pa.Array:
    everything = whole(column)
    return everything if everything.null_count == len(everything) else everything.take(order)


def _sortable(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return storage(column) if column.type == UUID else column


def _copy(kind: Kind, select: str, path: Path, level: int) -> str:
    # No bloom filter: with one, DuckDB 1.5 answers `=` on a dictionary-encoded column with no rows (duckdb #24994).
    return f"""
        copy (select {", ".join(COLUMNS[kind])} from ({select}) order by {ORDER[kind]})
        to {quoted(str(path))}
        (
            format parquet, compression zstd, compression_level {level}, row_group_size {_ROW_GROUP_ROWS},
            write_bloom_filter false
        )
    """


def _fsync_and_hash(path: Path) -> str:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fsync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_MANIFEST: Final = """
    select
        segment_id, kind, received_day, rows, bytes,
        epoch_ns(min_started_at) as min_started_at, epoch_ns(max_started_at) as max_started_at,
        cast(min_trace_id as varchar) as min_trace_id, cast(max_trace_id as varchar) as max_trace_id,
        epoch_ns(sealed_at) as sealed_at, sha256
    from segments
    order by segment_id
"""
_FILES: Final = """
    select segment_id from segments
    where kind = ?
        and coalesce(max_started_at >= make_timestamp_ns(?), true)
        and coalesce(min_started_at <= make_timestamp_ns(?), true)
"""
_LIST: Final = """
    insert into segments (
        segment_id, kind, received_day, rows, bytes, min_started_at, max_started_at, min_trace_id, max_trace_id,
        sealed_at, sha256
    )
    values (
        ?, ?, ?, ?, ?, make_timestamp_ns(cast(? as bigint)), make_timestamp_ns(cast(? as bigint)), ?, ?,
        make_timestamp_ns(?), ?
    )
"""
