"""Rows of a Parquet file as records, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from whichstep_cli.imports.limits import ROW_GROUP_BYTES_MAX, Skipped, TooLargeError

_ROWS: Final = 64
_SCALES: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
_MOMENT_MAX: Final = 2**63 - 1


def parquet_records(file: IO[bytes]) -> Iterator[tuple[Any, dict[str, Any], str] | Skipped]:
    """Every row, without what is null. Times in ns since the epoch, so that none is rounded."""
    try:
        with parquet.ParquetFile(file, thrift_string_size_limit=64 << 20) as opened:
            for group in range(opened.num_row_groups):
                if opened.metadata.row_group(group).total_byte_size > ROW_GROUP_BYTES_MAX:
                    yield Skipped(f"a row group has over {ROW_GROUP_BYTES_MAX >> 30} GiB", f"row group {group}")
                    continue
                for batch in opened.iter_batches(_ROWS, row_groups=[group]):
                    yield from ((row, {}, "") for row in _rows(batch))
    except pa.ArrowException as error:
        raise TooLargeError(f"no Parquet that can be read: {error}") from error


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    columns = [_plain(column) for column in batch.columns]
    plain = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    for row in plain.to_pylist(maps_as_pydicts="lossy"):
        yield {name: value for name, value in row.items() if value is not None}


def _plain(column: pa.Array) -> pa.Array:
    if not pa.types.is_timestamp(column.type):
        return column
    scale = _SCALES[column.type.unit]
    counted = column.cast(pa.int64())
    fits = pc.less(pc.abs(counted), _MOMENT_MAX // scale)  # not so where a far day stands for "never"
    return pc.multiply(pc.if_else(fits, counted, pa.scalar(None, pa.int64())), scale)
