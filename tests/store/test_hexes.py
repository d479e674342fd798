"""Ids become text whole, whatever their chunks, gaps and offsets."""

from __future__ import annotations

import pyarrow as pa
import pytest

from whichstep_store.batches import UUID
from whichstep_store.hexes import hexed, uuids

TEXTS = [f"{number:032x}" for number in (0, 1, 2**128 - 1, 0xABCDEF << 64, 7)]
GAPS = [text if number % 2 else None for number, text in enumerate(TEXTS)]


@pytest.mark.parametrize("cut", [0, 1, 3])
@pytest.mark.parametrize("texts", [TEXTS, GAPS, [None] * 5])
def test_uuids_become_text(texts: list[str | None], cut: int) -> None:
    ids = pa.array([text and bytes.fromhex(text) for text in texts], pa.binary(16)).cast(UUID)
    column = pa.chunked_array([ids[:2], ids[2:]])
    assert hexed(pa.table({"id": column}).slice(cut))["id"].to_pylist() == texts[cut:]
    assert hexed(pa.table({"id": ids}).slice(cut))["id"].to_pylist() == texts[cut:]


@pytest.mark.parametrize("cut", [0, 2])
def test_lists_of_uuids_become_lists_of_text(cut: int) -> None:
    lists = pa.ListArray.from_arrays([0, 2, 2, 5, 5], uuids(TEXTS), mask=pa.array([False, False, False, True]))
    found = hexed(pa.table({"ids": lists}).slice(cut))["ids"].to_pylist()
    assert found == [TEXTS[:2], [], TEXTS[2:], None][cut:]


def test_an_empty_column_stays_empty() -> None:
    assert hexed(pa.table({"id": pa.array([], UUID)})).num_rows == 0
