"""Received rows that no closed segment holds yet: whole, in memory, as Arrow.

They are durable in the journal, which keeps what lies behind the sealed position; after a crash the loader reads that
part again and the rows come back. DuckDB keeps their narrow columns and never writes the wide ones. The spans that were
sealed last stay for the jobs a little longer. Not locked by itself: changes and snapshots are made under `Database`'s
turn of commits, so that they fit what is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store.batches import CONTENT_SCHEMA, LOG_SCHEMA, SPAN_SCHEMA, JournalPosition
from whichstep_store.results import JOB_SPAN_COLUMNS

# Keys of sealed content kept in memory, so that a conversation that goes on does not store its history again.
_RECENT_KEYS_MAX: Final = 100_000
# Batches with fewer rows are joined, so many at a time: many small ones are slow to scan.
_SMALL_ROWS: Final = 256
_FAN_IN: Final = 16
# The jobs look at spans seconds after they arrived. When those come as fast as they can, most are sealed by then, and
# reading them out of their segments again costs 3 to 8 us CPU a span (benchmarks/end_to_end.py, 2026-11, 2 cores).
_LATELY_BYTES_MAX: Final = 128 << 20
_LATELY_NS: Final = 10 * 10**9
AT_HAND: Final = "spans_at_hand"
"""The name of the spans that need not be read from segments, open or sealed lately: JOB_SPAN_COLUMNS."""
_JOB_COLUMNS: Final = list(JOB_SPAN_COLUMNS)
SpanKey = bytes
"""trace_id and span_id of a span, in 24 bytes."""


class NewContent(NamedTuple):
    """Texts, each once, and their keys."""

    rows: pa.Table
    keys: frozenset[bytes]


class Change(NamedTuple):
    """What one load does to the open rows."""

    spans: pa.Table
    content: NewContent
    logs: pa.Table
    replaced: frozenset[SpanKey]
    """Spans whose open row, if there is one, gives way."""
    position: JournalPosition | None
    """How far the journal is covered then; None where the rows do not come from it."""


class _Lately(NamedTuple):
    """The spans of one seal, JOB_SPAN_COLUMNS."""

    spans: pa.Table
    sealed_at: int

    def without(self, unwanted: frozenset[SpanKey]) -> _Lately:
        """What is left when some give way."""
        if not unwanted:
            return self
        left = [_others(batch, unwanted) for batch in self.spans.to_batches()]
        return self._replace(spans=pa.Table.from_batches(left, self.spans.schema))


class OpenRows:
    """The open rows of a store, by the name under which queries see them."""

    def __init__(self, position: JournalPosition | None) -> None:
        self.position = position
        """Everything in the journal before this is held here or in closed segments."""
        self._piles = {
            "span_open": _Pile(SPAN_SCHEMA),
            "content_open": _Pile(CONTENT_SCHEMA),
            "log_open": _Pile(LOG_SCHEMA),
        }
        self._lately: list[_Lately] = []
        self._content_keys: set[bytes] = set()
        self._recent_keys: dict[bytes, None] = {}
        self._log_digests: set[bytes] = set()

    @property
    def bytes(self) -> int:
        """Size of all rows in memory, about: what several batches share counts with each."""
        return sum(pile.bytes for pile in self._piles.values())

    def tables(self, names: Iterable[str]) -> Mapping[str, pa.Table]:
        """Some of span_open, content_open, log_open, AT_HAND as they are now; later changes do not show in them."""
        return {name: self._at_hand() if name == AT_HAND else self._piles[name].table() for name in names}

    def _at_hand(self) -> pa.Table:
        still_open = self._piles["span_open"].table().select(_JOB_COLUMNS)
        return pa.concat_tables([*(lately.spans for lately in self._lately), still_open])

    def unknown_content(self, content: pa.Table) -> NewContent:
        """The texts that are neither open nor were sealed lately, each once."""
        keys = _content_keys(content)
        fresh = set(keys).difference(self._content_keys, self._recent_keys)
        if len(fresh) == len(keys):
            return NewContent(content, frozenset(fresh))
        left, rows = set(fresh), []
        for row, key in enumerate(keys):
            if key in left:
                left.remove(key)
                rows.append(row)
        return NewContent(_taken(content, rows), frozenset(fresh))

    def open_spans(self, wanted: frozenset[SpanKey]) -> frozenset[SpanKey]:
        """Those of the spans that are open."""
        return self._piles["span_open"].having(wanted)

    def unknown_logs(self, logs: pa.Table) -> pa.Table:
        """The log records that are not open."""
        rows = [row for row, digest in enumerate(_bytes(logs["digest"])) if digest not in self._log_digests]
        return _taken(logs, rows)

    def apply(self, change: Change) -> None:
        """Adds and removes what a load says."""
        self._lately = [lately.without(change.replaced) for lately in self._lately]
        self._piles["span_open"].remove(change.replaced)
        self._piles["span_open"].add(change.spans)
        self._piles["content_open"].add(change.content.rows)
        self._piles["log_open"].add(change.logs)
        self._content_keys |= change.content.keys
        self._log_digests.update(_bytes(change.logs["digest"]))
        if change.position is not None:
            self.position = max(change.position, self.position or change.position)

    def clear(self, spans: pa.Table, *, sealed_at: int) -> None:
        """Forgets all rows, now that segments hold them; remembers the keys of their texts.

        `spans` are those that were open, in memory of their own, `sealed_at` is now, in ns since the epoch.
        """
        self._lately.append(_Lately(spans.select(_JOB_COLUMNS), sealed_at))
        while sum(lately.spans.get_total_buffer_size() for lately in self._lately) > _LATELY_BYTES_MAX:
            del self._lately[0]
        self._recent_keys.update(dict.fromkeys(self._content_keys))
        excess = max(len(self._recent_keys) - _RECENT_KEYS_MAX, 0)
        for key in list(self._recent_keys)[:excess]:
            del self._recent_keys[key]
        self._content_keys.clear()
        self._log_digests.clear()
        for pile in self._piles.values():
            pile.clear()

    def forget_sealed(self, now: int) -> None:
        """Drops the spans that were sealed some seconds ago."""
        self._lately = [lately for lately in self._lately if now - lately.sealed_at < _LATELY_NS]

    def forget_before(self, received_at: int) -> None:
        """Drops spans and log records received before a time in nanoseconds since the epoch."""
        self._lately.clear()
        for name in ("span_open", "log_open"):
            self._piles[name].forget_before(received_at)
        self._log_digests = set(_bytes(self._piles["log_open"].table()["digest"]))


class _Pile:
    """Record batches of one kind, in order of arrival."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self.bytes = 0

    def table(self) -> pa.Table:
        return pa.Table.from_batches(self._batches, self._schema)

    def add(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        self._batches += [batch for batch in rows.to_batches() if batch.num_rows]
        self.bytes += rows.get_total_buffer_size()  # nbytes, which looks into shared buffers, takes 1 µs a span
        self._join_small()

    def _join_small(self) -> None:
        """Joins the small batches at the end once there are many."""
        small = 0
        while small < len(self._batches) and self._batches[-1 - small].num_rows < _SMALL_ROWS:
            small += 1
        if small >= _FAN_IN:
            joined = pa.Table.from_batches(self._batches[-small:], self._schema).combine_chunks()
            self._batches[-small:] = joined.to_batches()

    def having(self, wanted: frozenset[SpanKey]) -> frozenset[SpanKey]:
        found: set[SpanKey] = set()
        for batch in self._batches if wanted else []:
            found.update(key for _, key in _matches(batch, wanted))
        return frozenset(found)

    def remove(self, unwanted: frozenset[SpanKey]) -> None:
        if unwanted:
            self._keep(lambda batch: _others(batch, unwanted))

    def forget_before(self, received_at: int) -> None:
        limit = pa.scalar(received_at, pa.timestamp("ns"))
        self._keep(lambda batch: batch.filter(pc.greater_equal(batch["received_at"], limit)))

    def clear(self) -> None:
        self._batches, self.bytes = [], 0

    def _keep(self, kept: Callable[[pa.RecordBatch], pa.RecordBatch]) -> None:
        batches = [kept(batch) for batch in self._batches]
        self._batches = [batch for batch in batches if batch.num_rows]
        self.bytes = sum(batch.get_total_buffer_size() for batch in self._batches)


def span_keys(spans: pa.Table | pa.RecordBatch) -> list[SpanKey]:
    """The key of each row."""
    if not spans.num_rows:
        return []
    return _rows_of_bytes(_matrix(spans["trace_id"]), _little_endian(spans["span_id"]))


def storage(ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The 16 bytes of UUIDs, which Arrow compares and sorts as it does not the UUIDs themselves."""
    return whole(ids).storage


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _bytes(ids: pa.Array | pa.ChunkedArray) -> list[bytes]:
    return list(storage(ids).to_pylist()) if len(ids) else []


def _content_keys(content: pa.Table) -> list[bytes]:
    """trace_id and hash of each text, in 32 bytes."""
    if not content.num_rows:
        return []
    return _rows_of_bytes(_matrix(content["trace_id"]), _matrix(content["hash"]))


def _rows_of_bytes(*columns: npt.NDArray[np.uint8]) -> list[bytes]:
    """The bytes of each row, one after the other."""
    matrix = np.hstack(columns)
    joined, width = matrix.tobytes(), matrix.shape[1]
    return [joined[start : start + width] for start in range(0, len(joined), width)]


def _little_endian(span_ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    return np.asarray(whole(span_ids)).astype("<u8").view(np.uint8).reshape(-1, 8)


def _matrix(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """Rows of 16 bytes."""
    values = storage(ids)
    matrix = np.frombuffer(values.buffers()[1], np.uint8).reshape(-1, 16)
    return matrix[values.offset : values.offset + len(values)]


def _matches(batch: pa.RecordBatch, wanted: frozenset[SpanKey]) -> list[tuple[int, SpanKey]]:
    """Rows of the batch with one of the keys."""
    span_ids = pa.array([int.from_bytes(key[16:], "little") for key in wanted], pa.uint64())
    rows = pc.indices_nonzero(pc.is_in(batch["span_id"], span_ids))
    keys = span_keys(batch.select(["trace_id", "span_id"]).take(rows)) if len(rows) else []
    return [(row, key) for row, key in zip(rows.to_pylist(), keys, strict=True) if key in wanted]


def _others(batch: pa.RecordBatch, unwanted: frozenset[SpanKey]) -> pa.RecordBatch:
    rows = {row for row, _ in _matches(batch, unwanted)}
    if not rows:
        return batch
    return batch.take(pa.array([row for row in range(batch.num_rows) if row not in rows], pa.int64()))


def _taken(rows: pa.Table, numbers: list[int]) -> pa.Table:
    """Rows by number. In one batch first: taking rows out of many costs several times as much."""
    if not numbers:
        return rows.slice(0, 0)
    taken = [batch.take(pa.array(numbers, pa.int64())) for batch in rows.combine_chunks().to_batches()]
    return pa.Table.from_batches(taken, rows.schema)
