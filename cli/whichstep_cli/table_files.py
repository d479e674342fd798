"""Tables as files, page by page: Parquet or JSON lines, complete or not there at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FORMATS: Final = ("parquet", "jsonl")


class TableFile:
    """`FOLDER/NAME.FORMAT`, written aside and renamed into place when the block ends well."""

    def __init__(self, folder: Path, name: str, form: str) -> None:
        self.path = folder / f"{name}.{form}"
        self._partial = folder / f".{name}.{form}.{os.getpid()}.partial"
        self._parquet = form == "parquet"
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self._file = self._partial.open("wb")
        return self

    def append(self, table: pa.Table) -> None:
        """Add rows; every page has the columns of the first."""
        if self._parquet:
            self._writer = self._writer or pq.ParquetWriter(self._file, table.schema, compression="zstd")
            self._writer.write_table(table)
            return
        for batch in _times_as_text(table).to_batches():
            for row in batch.to_pylist():
                self._file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.close()
        self._file.close()
        if kind is None:
            self._partial.replace(self.path)
        else:
            self._partial.unlink()


def _times_as_text(table: pa.Table) -> pa.Table:
    """Times in ISO 8601, UTC, with all nine digits: Python's own times would lose three."""
    for position, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            text = pc.strftime(table.column(position), format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(position, field.name, text)
    return table
