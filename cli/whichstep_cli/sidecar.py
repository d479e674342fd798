"""The composition root: a store, the jobs and the answers over it, and the sidecar that owns them all.

Plain constructor calls, in the order in which the parts need each other; closing goes the other way round. Used by
`up` for a process that lives, and by `folder` for one question to a folder that nobody owns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from whichstep_analytics.runner import JobRunner
from whichstep_collector.sidecar import Addresses, Sidecar

from whichstep_analytics.answers import Answers
from whichstep_cli.errors import UnreachableError
from whichstep_collector.settings import Settings
from whichstep_store.errors import StoreError, StoreLocked
from whichstep_store.store import Store


@dataclass(frozen=True, slots=True)
class Running:
    """A sidecar at work."""

    addresses: Addresses
    store: Store


@contextmanager
def running_sidecar(settings: Settings) -> Iterator[Running]:
    """A sidecar that takes requests for the length of the block, then drains.

    Raises:
        UnreachableError: the folder belongs to another process, or cannot be opened.
    """
    with open_store(settings.data_dir) as store:
        runner = JobRunner(store)
        sidecar = Sidecar(settings, store, answers=Answers(store), tick=runner.tick)
        addresses = sidecar.start()
        store.announce(addresses.http)
        try:
            yield Running(addresses, store)
        finally:
            sidecar.stop()


@contextmanager
def open_store(data_dir: Path) -> Iterator[Store]:
    """The folder as its only owner, for the block.

    Raises:
        UnreachableError: another process owns it (the message names it), or it cannot be opened.
    """
    try:
        store = Store.open(data_dir)
    except StoreLocked as error:
        raise UnreachableError(str(error)) from error
    except StoreError as error:
        raise UnreachableError(str(error)) from error
    except OSError as error:
        raise UnreachableError(f"cannot open {data_dir}: {error.strerror}; choose another --data-dir") from error
    try:
        yield store
    finally:
        store.close()
