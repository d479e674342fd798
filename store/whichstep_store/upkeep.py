"""What is done to a data folder as a whole: rebuild, verify, back up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final, NamedTuple

from whichstep_store import renewal
from whichstep_store.owner import OwnerLock
from whichstep_store.segments import Segment, hash_file
from whichstep_store.store import DATABASE_NAME, SEGMENTS_NAME, Store

_DATABASE_FILES: Final = (DATABASE_NAME, f"{DATABASE_NAME}.wal")


class Problem(NamedTuple):
    """One thing that is not as the manifest says."""

    segment_id: str
    what: str
    """`missing`, `changed` (its checksum), `rows` (their number), `unlisted`."""
    detail: str


def rebuild(data_dir: Path | str) -> Store:
    """Makes the database again from segments and ledger, and returns the open store.

    The journal's part is loaded by the loader, which starts from the beginning as the new store has no position;
    what is in segments already is not stored twice. Results are computed again by the jobs.
    """
    folder = Path(data_dir)
    finish_renewal(folder)
    owner = OwnerLock.acquire(folder)
    try:
        for name in _DATABASE_FILES:
            (folder / name).unlink(missing_ok=True)
    finally:
        owner.release()
    return Store.open(folder)


def finish_renewal(data_dir: Path) -> None:
    """Makes the move of a renewal that was decided and interrupted, without opening the database."""
    owner = OwnerLock.acquire(data_dir)
    try:
        renewal.finish(data_dir)
    finally:
        owner.release()


def verify(store: Store) -> list[Problem]:
    """Compares every segment with the manifest: there, unchanged, complete. Reads all of them once."""
    problems = [problem for segment in store.segments.listed() if (problem := _check(store, segment)) is not None]
    left = (Problem(path.stem, "unlisted", "not in the manifest") for path in store.segments.leftovers())
    return [*problems, *left]


def backup(store: Store, target: Path | str) -> int:
    """Copies ledger and closed segments into a new folder, after sealing what is open; the number of files.

    `Store.open` on the copy makes the database. What arrives meanwhile is not in it.
    """
    folder = Path(target)
    (folder / SEGMENTS_NAME).mkdir(parents=True, mode=0o700)
    store.writer.seal(force=True)
    paths = [store.segments.file(segment.segment_id) for segment in store.segments.listed()]
    for path in paths:
        shutil.copy2(path, folder / SEGMENTS_NAME / path.name)
    store.ledger.copy_to(folder / "ledger.sqlite")
    return len(paths) + 1


def _check(store: Store, segment: Segment) -> Problem | None:
    path = store.segments.file(segment.segment_id)
    if not path.exists():
        return Problem(segment.segment_id, "missing", f"{segment.rows} rows of {segment.received_day} are lost")
    if hash_file(path) != segment.sha256:
        return Problem(segment.segment_id, "changed", "its checksum differs; restore it from a backup")
    found = store.segments.describe(path, sealed_at=segment.sealed_at).rows
    if found != segment.rows:
        return Problem(segment.segment_id, "rows", f"{found} rows instead of {segment.rows}")
    return None
