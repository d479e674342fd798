"""One batch as one record of the journal: bytes and back, and the search for whole records in damaged bytes.

    magic (4)  length (4)  crc32 (4)  schema version (2)  coding (2)  │  sizes of the three parts (16)  body

The body is the Arrow IPC message of each record batch without a schema: the version stands for the schemas of
`whichstep_store.batches`. Small bodies, which are mostly padding, are one LZ4 block. Large ones stay as they are: to
make 512 spans durable costs 4 us of CPU a span and 3 ms so, 10 us and 9 ms with LZ4, for space that is given back when
the rows are sealed (benchmarks/collector/bench_journal.py, 2026-11, 2 cores). CRC-32 comes from zlib: in the standard
library, 4 GB/s here; CRC-32C would be a dependency for no better answer.
Pure: knows no files but the one it is handed.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import pyarrow as pa

from whichstep_collector.errors import JournalForeign
from whichstep_store.batches import CONTENT_SCHEMA, LOG_SCHEMA, SPAN_SCHEMA, Batch

SCHEMA_VERSION: Final = 1
MAGIC: Final = b"\xf5ws\n"
_HEADER: Final = struct.Struct("<4sIIHH")
_SIZES: Final = struct.Struct("<IIIxxxx")  # padded, so that what follows is aligned for Arrow
_CHECKED_FROM: Final = 12  # the CRC covers everything behind itself
_SCHEMAS: Final = (SPAN_SCHEMA, CONTENT_SCHEMA, LOG_SCHEMA)
_SCAN_BYTES: Final = 1 << 20
_PLAIN, _LZ4 = 0, 1
_LZ4_BYTES_MAX: Final = 64 << 10


class Frame(NamedTuple):
    """Bytes of a segment: a whole record, or damage that no record could be read from."""

    start: int
    end: int
    version: int
    coding: int
    payload: pa.Buffer | None
    """None for damage."""


def encode(batch: Batch) -> bytes:
    """Return the record of a batch. CPU-bound: call it in the thread that decoded the batch."""
    parts = [part.serialize() if part.num_rows else pa.py_buffer(b"") for part in batch]
    sizes = _SIZES.pack(*(part.size for part in parts))
    coding = _LZ4 if sum(part.size for part in parts) <= _LZ4_BYTES_MAX else _PLAIN
    pieces = [sizes, _compressed(b"".join(parts))] if coding == _LZ4 else [sizes, *parts]
    tail = struct.pack("<HH", SCHEMA_VERSION, coding)
    checksum = zlib.crc32(tail)
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    length = sum(memoryview(piece).nbytes for piece in pieces)
    return b"".join([MAGIC, struct.pack("<II", length, checksum), tail, *pieces])


def decode(frame: Frame) -> Batch:
    """Return the batch of a whole record.

    Raises:
        JournalForeign: the record was written by a build with other schemas.
    """
    if frame.version != SCHEMA_VERSION or frame.payload is None:
        raise JournalForeign(
            f"a journal record has schema version {frame.version}, this build reads {SCHEMA_VERSION}; "
            "start the version that wrote it once more, or choose another --data-dir"
        )
    sizes = _SIZES.unpack_from(frame.payload)
    body = frame.payload.slice(_SIZES.size)
    spans, content, logs = _parts(_decompressed(body, sum(sizes)) if frame.coding == _LZ4 else body, sizes)
    return Batch(spans=spans, content=content, logs=logs)


def frames(descriptor: int, start: int, end: int) -> Iterator[Frame]:
    """Yield the whole records between two offsets of an open file, and the damage between them, in order.

    After damage the next whole record is searched for, so one bad byte costs one record. What was never finished
    at the end of a file comes out as one last piece of damage.
    """
    while start < end:
        frame = _frame_at(descriptor, start, end) or _damage_at(descriptor, start, end)
        yield frame
        start = frame.end


def _frame_at(descriptor: int, start: int, end: int) -> Frame | None:
    header = os.pread(descriptor, _HEADER.size, start)
    if len(header) < _HEADER.size or not header.startswith(MAGIC):
        return None
    _, length, checksum, version, coding = _HEADER.unpack(header)
    stop = start + _HEADER.size + length
    if length < _SIZES.size or stop > end:
        return None
    payload = pa.allocate_buffer(length)  # aligned, which bytes are not
    os.preadv(descriptor, [payload], start + _HEADER.size)
    if zlib.crc32(payload, zlib.crc32(header[_CHECKED_FROM:])) != checksum:
        return None
    return Frame(start, stop, version, coding, payload)


def _damage_at(descriptor: int, start: int, end: int) -> Frame:
    """Return the damage from `start` to the next whole record, or to the end."""
    at = start + 1
    while at < end:
        piece = os.pread(descriptor, min(_SCAN_BYTES, end - at), at)
        found = piece.find(MAGIC)
        if found < 0:
            at += max(len(piece) - len(MAGIC) + 1, 1)
            continue
        at += found
        if _frame_at(descriptor, at, end):
            return Frame(start, at, 0, _PLAIN, None)
        at += 1
    return Frame(start, end, 0, _PLAIN, None)


def _compressed(data: bytes) -> bytes:
    compressed: bytes = pa.compress(data, codec="lz4_raw", asbytes=True) if data else b""
    return compressed


def _decompressed(data: pa.Buffer, size: int) -> pa.Buffer:
    return pa.decompress(data, decompressed_size=size, codec="lz4_raw") if size else pa.py_buffer(b"")


def _parts(body: pa.Buffer, sizes: tuple[int, ...]) -> list[pa.RecordBatch]:
    parts, offset = [], 0
    for schema, size in zip(_SCHEMAS, sizes, strict=True):
        message = body.slice(offset, size)
        parts.append(pa.ipc.read_record_batch(message, schema) if size else _empty(schema))
        offset += size
    return parts


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)
