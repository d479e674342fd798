"""Append-only log of received batches.

Owns the files under `log_dir`; nothing else writes there. A batch is durable once `append` returns or the future of
`offer` has a result: written and synced, in groups, by one thread. Segments are numbered from 1 and never written
again once left: after a start or a failed write the next batch opens a new one. A failed sync is never tried again on
the same descriptor, because the kernel may have dropped the pages and forgotten the error. What a crash left
unfinished at the end is cut; one damaged record inside costs that record, is counted, and the reader goes on behind
it. A segment is removed only when its reader says so. Knows nothing of OTLP.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Final, NamedTuple

from whichstep_collector import journal_records as records
from whichstep_collector.errors import JournalFailed, JournalFull
from whichstep_collector.kept_batches import Kept, KeptBatches
from whichstep_store.batches import Batch, JournalPosition

SEGMENT_BYTES: Final = 64 << 20
# A group is written after 2 ms or at 1 MiB: a sync of 1 MiB takes 3 ms here, so waiting longer buys nothing
# (benchmarks/collector/bench_journal.py, 2026-11, 2 cores).
COMMIT_INTERVAL_SECONDS: Final = 0.002
COMMIT_BYTES: Final = 1 << 20
BACKLOG_BYTES_MAX: Final = 1 << 30
# Batches kept for the reader, so that it need not read, check and decode what was just written: 12 thousand
# instructions a span, loading takes 20. A second of 10,000 spans of 1.5 KB; a reader further behind reads files.
KEPT_BYTES_MAX: Final = 32 << 20

log = logging.getLogger("whichstep.journal")


class _Waiting(NamedTuple):
    """A record that is not durable yet, and who waits for it."""

    record: bytes
    batch: Batch
    done: Future[JournalPosition]


class JournalState(NamedTuple):
    """Figures for `/metrics` and `doctor`."""

    segments: int
    bytes: int
    backlog_bytes: int
    """Durable and not yet loaded."""
    damaged_bytes: int
    """Bytes that no record could be read from, since the start of the process."""
    syncs: int
    failures: int


class Journal:
    """The durable log between the doors and the loader. Thread-safe; one instance owns a folder."""

    def __init__(
        self,
        log_dir: Path,
        *,
        loaded: JournalPosition = JournalPosition(0, 0),  # noqa: B008  an immutable value
        segment_bytes: int = SEGMENT_BYTES,
        commit_interval_seconds: float = COMMIT_INTERVAL_SECONDS,
        commit_bytes: int = COMMIT_BYTES,
        backlog_bytes_max: int = BACKLOG_BYTES_MAX,
        kept_bytes_max: int = KEPT_BYTES_MAX,
        write: Callable[[int, memoryview], int] = os.write,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        """Open the log and cut what a crash left unfinished. `loaded` is where the store has got to."""
        self.log_dir = log_dir
        self._segment_bytes = segment_bytes
        self._commit_interval_seconds = commit_interval_seconds
        self._commit_bytes = commit_bytes
        self._backlog_bytes_max = backlog_bytes_max
        self._kept = KeptBatches(kept_bytes_max)
        self._write, self._sync = write, sync
        log_dir.mkdir(parents=True, exist_ok=True)
        self._sizes = _recover(log_dir)  # segment -> durable bytes; the truth for readers
        self._loaded = loaded
        self._next_segment = max([loaded.segment, *self._sizes]) + 1
        self._segment = 0  # the one being written; 0 when none is open
        self._descriptor = -1
        self._writing = False
        self._leave_before_next = False  # the segment was removed: the next batch opens a new one
        self._damaged: set[tuple[int, int, int]] = set()
        self._syncs = self._failures = 0
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._committed = threading.Condition(self._lock)
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._closed = False
        self._committer = threading.Thread(target=self._run, name="journal", daemon=True)
        self._committer.start()

    def append(self, batch: Batch) -> JournalPosition:
        """Write a batch and return its end once it is durable.

        Raises:
            JournalFull: the backlog is at its limit; try again later.
            JournalFailed: the disk refused; try again later.
        """
        return self.offer(batch).result()

    def offer(self, batch: Batch) -> Future[JournalPosition]:
        """Queue a batch; the future has its end once it is durable, or raises JournalFailed.

        Encodes in the calling thread. Callbacks of the future run in the committer's thread and must be short.

        Raises:
            JournalFull: the backlog is at its limit; nothing was kept.
            JournalFailed: the journal is closed.
        """
        record = records.encode(batch)
        waiting = _Waiting(record, batch, Future())
        waiting.done.set_running_or_notify_cancel()  # what is queued will be written: nobody can take it back
        with self._lock:
            if self._closed:
                raise JournalFailed("the journal is closed")
            if self._backlog_bytes() + self._waiting_bytes + len(record) > self._backlog_bytes_max:
                raise JournalFull(f"{self._backlog_bytes()} bytes wait for the store")
            self._waiting.append(waiting)
            self._waiting_bytes += len(record)
            self._arrived.notify()
        return waiting.done

    def read(self, position: JournalPosition) -> Iterator[tuple[JournalPosition, Batch]]:
        """Yield the durable batches behind a position, each with its own end, up to the end as of now.

        Batches that were written a moment ago come from memory, all others from the files.

        Raises:
            JournalForeign: a record was written by a build with other schemas.
        """
        with self._lock:
            sizes = {number: size for number, size in self._sizes.items() if number >= position.segment}
        for number in sorted(sizes):
            start = position.byte_offset if number == position.segment else 0
            if start < sizes[number]:
                yield from self._read_segment(number, start, sizes[number])

    def wait(
        self, position: JournalPosition, *, timeout_seconds: float, over: Callable[[], bool] = lambda: False
    ) -> bool:
        """Return whether there is something durable behind a position, waiting for it at most so long.

        Waits no longer once `over` holds; whoever makes it hold calls `wake`.
        """
        with self._lock:
            self._committed.wait_for(lambda: self._has_after(position) or over(), timeout_seconds)
            return self._has_after(position)

    def wake(self) -> None:
        """Let those who wait look whether their wait is over."""
        with self._lock:
            self._committed.notify_all()

    def mark_loaded(self, position: JournalPosition) -> None:
        """Note that the store holds everything before `position`: it no longer counts as backlog."""
        with self._lock:
            self._loaded = max(self._loaded, position)
        self._kept.forget_before(position)

    def remove_before(self, position: JournalPosition) -> int:
        """Delete the segments that lie wholly before a position; return how many.

        The one being written goes too when it ends there and nothing is being added: the next batch opens a new one.
        """
        with self._lock:
            old = [number for number in self._sizes if self._is_before(number, position)]
            for number in old:
                del self._sizes[number]
            self._leave_before_next = self._leave_before_next or self._segment in old
        for number in old:
            segment_path(self.log_dir, number).unlink(missing_ok=True)
        if old:
            _sync_dir(self.log_dir)
        return len(old)

    def set_aside(self, batch: Batch, end: JournalPosition) -> Path:
        """Keep a batch that the store cannot take in a file of its own, synced, and return its path."""
        path = self.log_dir / f"{end.segment:012d}-{end.byte_offset}.set_aside"
        with path.open("wb") as file:
            file.write(records.encode(batch))
            file.flush()
            os.fsync(file.fileno())
        _sync_dir(self.log_dir)
        return path

    def end(self) -> JournalPosition:
        """Return the end of what is durable."""
        with self._lock:
            last = max(self._sizes, default=0)
            return max(JournalPosition(last, self._sizes.get(last, 0)), self._loaded)

    def state(self) -> JournalState:
        """Return the figures of this moment."""
        with self._lock:
            return JournalState(
                segments=len(self._sizes),
                bytes=sum(self._sizes.values()),
                backlog_bytes=self._backlog_bytes(),
                damaged_bytes=sum(end - start for _, start, end in self._damaged),
                syncs=self._syncs,
                failures=self._failures,
            )

    def close(self) -> None:
        """Make what is queued durable, refuse the rest, and let go of the files."""
        with self._lock:
            self._closed = True
            self._arrived.notify()
        self._committer.join()

    def _is_before(self, number: int, position: JournalPosition) -> bool:
        ends_there = JournalPosition(number, self._sizes[number]) <= position
        return ends_there and not (number == self._segment and self._writing)

    # The committer: the only thread that writes.

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)
        self._leave_segment()

    def _next_group(self) -> list[_Waiting]:
        """Wait for records, give others the chance to join, and take them; nothing when closed and empty."""
        with self._lock:
            self._arrived.wait_for(lambda: self._waiting or self._closed)
            due = time.monotonic() + self._commit_interval_seconds
            while self._waiting_bytes < self._commit_bytes and not self._closed:
                if not self._arrived.wait(max(due - time.monotonic(), 0)) or time.monotonic() >= due:
                    break
            group, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            ends = self._write_group(group)
        except OSError as error:
            log.error("cannot write to the journal in %s: %s; clients are asked to retry", self.log_dir, error)  # noqa: TRY400
            self._abandon_segment()
            for waiting in group:
                _fail(waiting.done, error)
            return
        for waiting, end in zip(group, ends, strict=True):
            waiting.done.set_result(end)

    def _write_group(self, group: list[_Waiting]) -> list[JournalPosition]:
        with self._lock:
            self._writing = True
            leave, self._leave_before_next = self._leave_before_next, False
        if leave or self._segment == 0 or self._sizes[self._segment] >= self._segment_bytes:
            self._open_segment()
        remaining = memoryview(b"".join(waiting.record for waiting in group))
        while remaining:
            remaining = remaining[self._write(self._descriptor, remaining) :]
        self._sync(self._descriptor)
        return self._note_committed(group)

    def _note_committed(self, group: list[_Waiting]) -> list[JournalPosition]:
        with self._lock:
            ends, size = [], self._sizes[self._segment]
            for waiting in group:
                start = JournalPosition(self._segment, size)
                size += len(waiting.record)
                ends.append(JournalPosition(self._segment, size))
                self._kept.keep(start, ends[-1], waiting.batch)
            self._sizes[self._segment] = size
            self._syncs += 1
            self._writing = False
            self._committed.notify_all()
        return ends

    def _open_segment(self) -> None:
        self._leave_segment()
        number = self._next_segment
        path = segment_path(self.log_dir, number)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with self._lock:
            self._segment, self._next_segment = number, number + 1
            self._sizes[number] = 0
        _sync_dir(self.log_dir)

    def _leave_segment(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._segment = -1, 0

    def _abandon_segment(self) -> None:
        """Leave a segment after a failure; give back the space of what was refused, where the disk lets us."""
        number = self._segment
        self._leave_segment()
        with self._lock:
            self._writing = False
            self._failures += 1
            size = self._sizes.get(number, 0)
            if size == 0:
                self._sizes.pop(number, None)
        if number:
            _cut(segment_path(self.log_dir, number), size)

    # Readers.

    def _read_segment(self, number: int, start: int, end: int) -> Iterator[tuple[JournalPosition, Batch]]:
        descriptor = os.open(segment_path(self.log_dir, number), os.O_RDONLY | os.O_CLOEXEC)
        try:
            while start < end:
                kept = self._kept.at(JournalPosition(number, start)) or self._read_record(
                    descriptor, number, start, end
                )
                if kept.batch is not None:
                    yield kept.end, kept.batch
                start = kept.end.byte_offset
        finally:
            os.close(descriptor)

    def _read_record(self, descriptor: int, number: int, start: int, end: int) -> Kept:
        """The record that begins there; damage up to the next one has no batch."""
        frame = next(records.frames(descriptor, start, end))
        if frame.payload is None:
            self._note_damage(number, frame)
            return Kept(JournalPosition(number, frame.end), None)
        return Kept(JournalPosition(number, frame.end), records.decode(frame))

    def _note_damage(self, number: int, frame: records.Frame) -> None:
        found = (number, frame.start, frame.end)
        with self._lock:
            if found in self._damaged:
                return
            self._damaged.add(found)
            if frame.end == self._sizes.get(number):
                self._sizes[number] = frame.start  # nothing readable comes behind it
        path = segment_path(self.log_dir, number)
        log.error("%s is damaged from byte %d to %d; what stood there is lost", path, frame.start, frame.end)

    def _has_after(self, position: JournalPosition) -> bool:
        return any(
            number > position.segment or (number == position.segment and size > position.byte_offset)
            for number, size in self._sizes.items()
            if size
        )

    def _backlog_bytes(self) -> int:
        here = self._sizes.get(self._loaded.segment, 0) - self._loaded.byte_offset
        return max(here, 0) + sum(size for number, size in self._sizes.items() if number > self._loaded.segment)


def read_batches(log_dir: Path) -> Iterator[Batch]:
    """Yield every whole batch under a journal folder that no process is writing, oldest first; for `rebuild`."""
    for number in segment_numbers(log_dir):
        path = segment_path(log_dir, number)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for frame in records.frames(descriptor, 0, path.stat().st_size):
                if frame.payload is not None:
                    yield records.decode(frame)
        finally:
            os.close(descriptor)


def segment_path(log_dir: Path, number: int) -> Path:
    """Return the file of a segment."""
    return log_dir / f"{number:012d}.journal"


def segment_numbers(log_dir: Path) -> list[int]:
    """Return the numbers of the segments in a folder, ascending."""
    return sorted(int(path.stem) for path in log_dir.glob("*.journal") if path.stem.isdigit())


def _recover(log_dir: Path) -> dict[int, int]:
    """Cut the unfinished end of the last segment, drop empty ones, and return the sizes of all."""
    numbers = segment_numbers(log_dir)
    sizes = {number: segment_path(log_dir, number).stat().st_size for number in numbers}
    if numbers:
        last = numbers[-1]
        whole = _whole_bytes(segment_path(log_dir, last), sizes[last])
        if whole < sizes[last]:
            log.warning("cut %d unfinished bytes from the journal; they were never acknowledged", sizes[last] - whole)
        sizes[last] = whole
    for number in numbers:
        _cut(segment_path(log_dir, number), sizes[number])
    return {number: size for number, size in sizes.items() if size}


def _whole_bytes(path: Path, size: int) -> int:
    """Return where the last whole record of a segment ends."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        ends = [frame.end for frame in records.frames(descriptor, 0, size) if frame.payload is not None]
    finally:
        os.close(descriptor)
    return ends[-1] if ends else 0


def _cut(path: Path, size: int) -> None:
    """Shorten a file, or delete it at size 0; a disk that refuses even this is told of by the next write."""
    try:
        if size == 0:
            path.unlink(missing_ok=True)
        elif path.stat().st_size > size:
            os.truncate(path, size)
    except OSError as error:
        log.warning("cannot shorten %s: %s", path, error)


def _fail(done: Future[JournalPosition], cause: OSError) -> None:
    failure = JournalFailed(f"the journal cannot be written: {cause.strerror}")
    failure.__cause__ = cause
    done.set_exception(failure)


def _sync_dir(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
