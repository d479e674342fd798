"""UUIDs of Arrow tables as text of 32 hex digits, the form in which ids leave the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa

from whichstep_store.batches import UUID, UUIDS

_DIGITS: Final = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
_WIDTH: Final = 32


def hexed(table: pa.Table) -> pa.Table:
    """The table with every column of UUIDs, or of lists of them, as text."""
    for index, field in enumerate(table.schema):
        if field.type in (UUID, UUIDS):
            table = table.set_column(index, field.name, _hex_column(table.column(index)))
    return table


def uuids(hexes: Iterable[str]) -> pa.Array:
    """Texts of 32 hex digits as UUIDs."""
    return pa.array([bytes.fromhex(text) for text in hexes], pa.binary(16)).cast(UUID)


def _hex_column(column: pa.ChunkedArray) -> pa.Array:
    listed = column.type == UUIDS
    if not len(column):
        return pa.array([], pa.list_(pa.string()) if listed else pa.string())
    whole = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    return _hex_lists(whole) if listed else _hexes(whole)


def _hexes(ids: pa.Array) -> pa.Array:
    storage = ids.storage
    values = storage.buffers()[1]
    if values is None or storage.null_count == len(ids):
        return pa.nulls(len(ids), pa.string())
    text = _DIGITS.take(np.frombuffer(values, np.uint8)[storage.offset * 16 : (storage.offset + len(ids)) * 16])
    offsets = np.arange(0, (len(ids) + 1) * _WIDTH, _WIDTH, dtype=np.int32)
    known = None if not storage.null_count else storage.is_valid().buffers()[1]
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(text), known, storage.null_count)


def _hex_lists(lists: pa.Array) -> pa.Array:
    if lists.null_count and lists.offset:
        lists = pa.concat_arrays([lists, lists.slice(0, 0)])  # Arrow builds no slice of lists that has nulls
    unknown = lists.is_null() if lists.null_count else None
    return pa.ListArray.from_arrays(lists.offsets, _hexes(lists.values), mask=unknown)
