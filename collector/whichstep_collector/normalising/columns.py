"""Rows to Arrow record batches, by the schemas of `whichstep_store.batches`.

More than half of the columns say the same in every row of a request, most of them nothing: those are kept from one
request to the next, by value and length. The others are read from the rows' values, transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa

from whichstep_collector.normalising.facts import SpanFacts
from whichstep_store.batches import CONTENT_SCHEMA, LOG_SCHEMA, SPAN_SCHEMA, UUID, UUIDS

_HASH: Final = pa.binary(16)
_KEPT_TEXT_LENGTH_MAX: Final = 64
_KEPT_BYTES_MAX: Final = 8 << 20

_kept: dict[tuple[int, Any, int], pa.Array] = {}
"""Columns of one value, by place in the schema, value and length."""
_kept_bytes = [0]


def span_batch(rows: Sequence[SpanFacts]) -> pa.RecordBatch:
    """The rows as one record batch of `SPAN_SCHEMA`."""
    if not rows:
        return _EMPTY_SPANS
    transposed = zip(*(row.__dict__.values() for row in rows), strict=True)
    columns = [
        _constant(place, values[0], len(rows)) if _is_constant(values) else build(values)
        for place, (values, build) in enumerate(zip(transposed, _SPAN_COLUMNS, strict=True))
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SPAN_SCHEMA)


def content_batch(trace_ids: list[bytes], hashes: list[bytes], texts: list[str]) -> pa.RecordBatch:
    """Texts as one record batch of `CONTENT_SCHEMA`."""
    columns = [_ids(trace_ids), _ids(hashes), pa.array(texts, pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=CONTENT_SCHEMA)


def log_batch(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Log events, each a dict of column name to value, as one record batch of `LOG_SCHEMA`."""
    if not rows:
        return _EMPTY_LOGS
    columns = [_builder(field.type)([row.get(field.name) for row in rows]) for field in LOG_SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=LOG_SCHEMA)


def _is_constant(values: Sequence[Any]) -> bool:
    """Whether all rows say the same; nearly always settled by the identity of two."""
    first = values[0]
    return values[-1] is first and values.count(first) == len(values)


def _constant(place: int, value: Any, rows: int) -> pa.Array:
    """`rows` times a value; kept where the value is likely to come again."""
    kind = type(value)
    if not (value is None or kind is bool or kind is tuple or (kind is str and len(value) <= _KEPT_TEXT_LENGTH_MAX)):
        return _SPAN_COLUMNS[place]([value] * rows)
    kept = _kept.get((place, value, rows))
    return _keep(place, value, rows) if kept is None else kept


def _keep(place: int, value: Any, rows: int) -> pa.Array:
    column = _SPAN_COLUMNS[place]([value] * rows)
    _kept_bytes[0] += column.nbytes
    if _kept_bytes[0] > _KEPT_BYTES_MAX:
        _kept.clear()
        _kept_bytes[0] = column.nbytes
    _kept[place, value, rows] = column
    return column


def _builder(kind: pa.DataType) -> Callable[[Sequence[Any]], pa.Array]:
    """What makes a column of a type out of its values."""
    if kind == UUID:
        return _ids
    return _id_lists if kind == UUIDS else lambda values: pa.array(values, kind)


def _ids(values: Sequence[Any]) -> pa.Array:
    return pa.ExtensionArray.from_storage(UUID, _hashes(values))


def _hashes(values: Sequence[Any]) -> pa.Array:
    """16 bytes each; joined where none is missing, for a fifth of the price."""
    try:
        joined = b"".join(values)
    except TypeError:  # one is missing
        return pa.array(values, _HASH)
    return pa.Array.from_buffers(_HASH, len(values), [None, pa.py_buffer(joined)])


def _id_lists(values: Sequence[Any]) -> pa.Array:
    lists = pa.array(values, pa.list_(_HASH))
    return pa.ListArray.from_arrays(
        lists.offsets,
        pa.ExtensionArray.from_storage(UUID, lists.values),
        type=UUIDS,
        mask=lists.is_null() if lists.null_count else None,
    )


_SPAN_COLUMNS: Final = tuple(_builder(kind) for kind in SPAN_SCHEMA.types)
_EMPTY_SPANS: Final = pa.RecordBatch.from_arrays([pa.nulls(0, kind) for kind in SPAN_SCHEMA.types], schema=SPAN_SCHEMA)
_EMPTY_LOGS: Final = pa.RecordBatch.from_arrays([pa.nulls(0, kind) for kind in LOG_SCHEMA.types], schema=LOG_SCHEMA)
