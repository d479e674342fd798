from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store_builders import NOON, SECOND
from whichstep_store.store import Store


class Clock:
    """Nanoseconds since the epoch that move only when told to."""

    def __init__(self) -> None:
        self.now = NOON + 3600 * SECOND

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(tmp_path / "data", clock=clock) as opened:
        yield opened


@pytest.fixture
def rows(store: Store):
    """Rows of a statement over the internal tables, for tests that look behind the public surface."""
    return lambda sql: store._database.read(sql).to_pylist()
