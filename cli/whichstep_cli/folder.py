"""A data folder that nobody owns, opened for one command: the same sidecar as `up` runs, on free loopback ports.

Where an owner runs, it is asked instead: two processes never have one folder open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from whichstep_cli.client import Client, connect
from whichstep_cli.errors import UnreachableError
from whichstep_cli.sidecar import running_sidecar, settings_without_doors
from whichstep_store.errors import StoreLocked
from whichstep_store.owner import OwnerLock, holder


@contextmanager
def open_folder(data_dir: Path, token: str | None, *, create: bool = False) -> Iterator[Client]:
    """The API over a folder, everything in its journal loaded and every result computed.

    Raises:
        UnreachableError: there is no such folder (unless `create`), or it cannot be opened.
    """
    if not create and not data_dir.is_dir():
        raise UnreachableError(
            f"cannot open {data_dir}: there is no such folder; name the --data-dir of `whichstep up`"
        )
    owner = owner_endpoint(data_dir)
    if owner:
        with connect(owner, token) as client:
            yield client
        return
    with running_sidecar(settings_without_doors(data_dir)) as running:
        running.settle()
        with connect(running.addresses.http, token) as client:
            yield client
            running.settle()


def owner_endpoint(data_dir: Path) -> str | None:
    """Where the folder's owner answers; none when no process owns it.

    Raises:
        UnreachableError: it has an owner that takes no requests yet, or has none any more.
    """
    if not data_dir.is_dir():
        return None
    try:
        OwnerLock.acquire(data_dir).release()
    except StoreLocked as error:
        _, endpoint = holder(data_dir)
        if endpoint is None:
            raise UnreachableError(str(error)) from error
        return endpoint
    return None
