"""Batches on disk while the sidecar is away. Owns the files of one folder per endpoint; processes share the folder.

A file is one OTLP body, named by time, process, order and count of records; it appears by rename, so it is whole.
Files are sent oldest first under an advisory lock; a crash between answer and removal sends one batch twice, which
the sidecar recognises. Bounded in bytes: the oldest files go first, and their records are counted as dropped. Bodies
are already redacted; folder and files are readable by their owner only.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from whichstep.settings import Settings
from whichstep.transport import Signal

try:
    import fcntl
except ImportError:  # Windows: no lock; a batch may be sent twice, which the sidecar recognises
    fcntl = None  # type: ignore[assignment]

SUFFIX: Final = ".otlp"


class Waiting(NamedTuple):
    """One batch on disk."""

    path: Path
    signal: Signal
    records: int
    size_bytes: int


class Spool:
    """The bounded folder of one endpoint. Used by the delivery's thread only."""

    def __init__(self, settings: Settings) -> None:
        self._root, self._url = settings.spool_dir, settings.traces_url
        self._bytes_max = settings.spool_bytes_max
        self._sequence = itertools.count()

    @cached_property
    def folder(self) -> Path | None:
        """The endpoint's own folder; None when nothing is kept on disk."""
        from hashlib import blake2b  # noqa: PLC0415  loads OpenSSL; not on the host's first step

        return None if self._root is None else self._root / blake2b(self._url.encode(), digest_size=6).hexdigest()

    def put(self, signal: Signal, data: bytes, records: int) -> int:
        """Keep one batch; answers how many records were dropped to make room, all of `records` if it cannot be kept.

        Raises:
            OSError: the folder cannot be written.
        """
        if self.folder is None or len(data) > self._bytes_max:
            return records
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        dropped = self._make_room(len(data))
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._sequence)}-{records}.{signal.value}"
        partial = self.folder / f"{name}.partial"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        partial.rename(self.folder / f"{name}{SUFFIX}")
        return dropped

    def waiting(self) -> list[Waiting]:
        """The batches on disk, oldest first."""
        if self.folder is None or not self.folder.is_dir():
            return []
        found = [_waiting(entry) for entry in os.scandir(self.folder) if entry.name.endswith(SUFFIX)]
        return sorted((batch for batch in found if batch is not None), key=lambda batch: batch.path.name)

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Whether this process is the one that may send from the folder, for the duration of the block."""
        if self.folder is None or fcntl is None:
            yield self.folder is not None
            return
        with (self.folder / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True  # closing the file lets the lock go

    def _make_room(self, size_bytes: int) -> int:
        waiting = self.waiting()
        excess = sum(batch.size_bytes for batch in waiting) + size_bytes - self._bytes_max
        dropped = 0
        for batch in waiting:
            if excess <= 0:
                break
            batch.path.unlink(missing_ok=True)
            excess -= batch.size_bytes
            dropped += batch.records
        return dropped


def _waiting(entry: os.DirEntry[str]) -> Waiting | None:
    """What the file's name says of it; None for a file that is gone or not ours."""
    stem, _, signal = entry.name.removesuffix(SUFFIX).rpartition(".")
    try:
        return Waiting(Path(entry.path), Signal(signal), int(stem.rsplit("-", 1)[1]), entry.stat().st_size)
    except (OSError, ValueError, IndexError):
        return None
