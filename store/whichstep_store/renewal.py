"""Puts a database and segments that were made anew in the place of the old ones, as one step.

The new ones grow in `renewal.partial`, a data folder of its own. Renaming it to `renewal` decides: before, an
interruption leaves the old ones; after, whoever owns the folder next finishes the move before it opens anything. Every
part of the move can be repeated. The ledger is not part of it. For the owner of the data folder only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

DATABASE_NAME: Final = "whichstep.duckdb"
SEGMENTS_NAME: Final = "segments"
_DATABASE_FILES: Final = (DATABASE_NAME, f"{DATABASE_NAME}.wal")
_PARTIAL: Final = "renewal.partial"
_DECIDED: Final = "renewal"
_OLD_SEGMENTS: Final = "segments.old"


def begin(data_dir: Path) -> Path:
    """An empty folder for the new database and segments; what an interrupted attempt left is removed."""
    partial = data_dir / _PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    return partial


def commit(data_dir: Path) -> None:
    """Decides for what is in the folder that `begin` gave, closed by now; the move is made at the next opening."""
    partial = data_dir / _PARTIAL
    for name in (*_DATABASE_FILES, SEGMENTS_NAME):
        if (partial / name).exists():
            _fsync(partial / name)
    _fsync(partial)
    partial.rename(data_dir / _DECIDED)
    _fsync(data_dir)


def finish(data_dir: Path, reached: Callable[[str], None] = lambda _: None) -> None:
    """Makes the move if it was decided, else forgets what was begun. `reached` is told each step, for tests."""
    shutil.rmtree(data_dir / _PARTIAL, ignore_errors=True)
    decided = data_dir / _DECIDED
    if decided.is_dir():
        _move(data_dir, decided, reached)
        _fsync(data_dir)
        shutil.rmtree(decided)
        reached("emptied")
    shutil.rmtree(data_dir / _OLD_SEGMENTS, ignore_errors=True)


def under_way(data_dir: Path) -> bool:
    """Whether a renewal was begun and not finished: the folder is no subject for a copy."""
    return any((data_dir / name).exists() for name in (_PARTIAL, _DECIDED, _OLD_SEGMENTS))


def _move(data_dir: Path, decided: Path, reached: Callable[[str], None]) -> None:
    """Segments first: as long as they are not moved, what lies in their place are the old ones, and the old database.

    Then the database, which can be made from the segments at any time: a crash between costs time, no row.
    """
    if (decided / SEGMENTS_NAME).exists():
        for name in _DATABASE_FILES:
            (data_dir / name).unlink(missing_ok=True)
        reached("old database removed")
        if (data_dir / SEGMENTS_NAME).exists():
            shutil.rmtree(data_dir / _OLD_SEGMENTS, ignore_errors=True)
            (data_dir / SEGMENTS_NAME).rename(data_dir / _OLD_SEGMENTS)
        reached("old segments aside")
        (decided / SEGMENTS_NAME).rename(data_dir / SEGMENTS_NAME)
        _fsync(data_dir)
        reached("segments moved")
    for name in reversed(_DATABASE_FILES):
        if (decided / name).exists():
            (decided / name).rename(data_dir / name)
            reached(f"{name} moved")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
