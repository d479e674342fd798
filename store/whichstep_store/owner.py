"""The lock that makes one process the owner of a data folder.

Holds `<data_dir>/owner.lock` by flock for as long as the process lives; the file names the owner's pid and, once
known, its endpoint. The lock dies with its process, so a file left behind by a crash is no obstacle.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Self

from whichstep_store.errors import StoreLocked

FILE_NAME = "owner.lock"


class OwnerLock:
    """Ownership of a data folder, from `acquire` to `release` or the end of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, data_dir: Path) -> Self:
        """Makes this process the owner, or raises StoreLocked naming the one that is."""
        path = data_dir / FILE_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _locked(data_dir) from None
        owner = cls(path, descriptor)
        owner.announce(None)
        return owner

    def announce(self, endpoint: str | None) -> None:
        """Writes where the owner answers, for processes that are refused and for clients that look for it."""
        text = json.dumps({"pid": os.getpid(), "endpoint": endpoint}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def release(self) -> None:
        """Gives the folder up. Only for the process that acquired it; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def holder(data_dir: Path) -> tuple[int | None, str | None]:
    """Pid and endpoint that the lock file names; None for what it does not say. The process may be gone."""
    try:
        found = json.loads((data_dir / FILE_NAME).read_text())
    except (FileNotFoundError, ValueError):
        return None, None
    return found.get("pid"), found.get("endpoint")


def _locked(data_dir: Path) -> StoreLocked:
    pid, endpoint = holder(data_dir)
    answers = f" and answers at {endpoint}" if endpoint else ""
    remedy = f"set WHICHSTEP_ENDPOINT={endpoint}" if endpoint else "ask that process"
    return StoreLocked(
        f"cannot open {data_dir}: process {pid or 'unknown'} owns it{answers}; {remedy}, stop it, "
        "or choose another --data-dir",
        pid=pid,
        endpoint=endpoint,
    )
