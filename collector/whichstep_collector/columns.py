"""Rows to Arrow record batches, by the schemas of `whichstep_store.batches`. Columns that no row sets cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import pyarrow as pa

from whichstep_collector.facts import SpanFacts
from whichstep_store.batches import CONTENT_SCHEMA, LOG_SCHEMA, SPAN_SCHEMA, TEXTS, UUID, UUIDS

_HASH: Final = pa.binary(16)
_LIST_ITEMS: Final = {TEXTS: pa.string(), UUIDS: UUID}


def span_batch(rows: Sequence[SpanFacts]) -> pa.RecordBatch:
    """The rows as one record batch of `SPAN_SCHEMA`."""
    used: set[str] = set()
    for row in rows:
        used.update(row.__dict__)
    columns = [
        _column(list(map(attrgetter(field.name), rows)), field.type)
        if field.name in used
        else _constant(getattr(SpanFacts, field.name, None), len(rows), field.type)
        for field in SPAN_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SPAN_SCHEMA)


def content_batch(trace_ids: list[bytes], hashes: list[bytes], texts: list[str]) -> pa.RecordBatch:
    """Texts as one record batch of `CONTENT_SCHEMA`."""
    columns = [_column(trace_ids, UUID), _column(hashes, UUID), _column(texts, pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=CONTENT_SCHEMA)


def log_batch(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Log events, each a dict of column name to value, as one record batch of `LOG_SCHEMA`."""
    columns = [_column([row.get(field.name) for row in rows], field.type) for field in LOG_SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=LOG_SCHEMA)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == UUID:
        return pa.ExtensionArray.from_storage(UUID, pa.array(values, _HASH))
    if kind == UUIDS:
        return _hash_lists(values)
    return pa.array(values, kind)


def _hash_lists(values: list[Any]) -> pa.Array:
    lists = pa.array(values, pa.list_(_HASH))
    return pa.ListArray.from_arrays(
        lists.offsets, pa.ExtensionArray.from_storage(UUID, lists.values), type=UUIDS, mask=_nulls(lists)
    )


def _nulls(lists: pa.Array) -> pa.Array | None:
    return lists.is_null() if lists.null_count else None


def _constant(default: Any, rows: int, kind: pa.DataType) -> pa.Array:
    if default is None:
        return pa.nulls(rows, kind)
    if kind in _LIST_ITEMS:
        return pa.ListArray.from_arrays(
            pa.array([0] * (rows + 1), pa.int32()), pa.nulls(0, _LIST_ITEMS[kind]), type=kind
        )
    return pa.repeat(pa.scalar(default, kind), rows)
