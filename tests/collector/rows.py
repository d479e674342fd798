"""Rows of requests, as dictionaries, for the tests of the normaliser."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from builders import RECEIVED, log_request, request
from whichstep_collector.decode import decode_logs, decode_traces
from whichstep_collector.normalise import normalise_logs, normalise_traces
from whichstep_collector.normalising.skeleton import restore
from whichstep_store.batches import Batch


def batch_of(message: Any) -> Batch:
    """The batch of a trace request, checked against its schema."""
    batch = normalise_traces(decode_traces(message.SerializeToString(), json=False), received_at=RECEIVED)
    for part in batch:
        part.validate(full=True)
    return batch


def rows_of(*spans: Any, scope: str = "test", **how: Any) -> list[dict[str, Any]]:
    """The rows of some spans."""
    return batch_of(request(*spans, scope=scope, **how)).spans.to_pylist()


def row_of(one: Any, scope: str = "test", **how: Any) -> dict[str, Any]:
    """The row of one span."""
    (row,) = rows_of(one, scope=scope, **how)
    return row


def logs_of(*records: Any) -> list[dict[str, Any]]:
    """The rows of some log records."""
    received = decode_logs(log_request(*records).SerializeToString(), json=False)
    return normalise_logs(received, received_at=RECEIVED).logs.to_pylist()


def texts_of(batch: Batch) -> dict[str, str]:
    """Hash (32 hex digits) to text of all contents."""
    return {row["hash"].hex: row["text"] for row in batch.content.to_pylist()}


def whole(batch: Batch, row: dict[str, Any], column: str) -> str:
    """The whole text of a column, as the store puts it together."""
    parts = row[f"{column}_parts"]
    if parts is None:
        return row[column]
    texts = [texts_of(batch)[UUID(int=part.int).hex] for part in parts]
    as_list = row[f"{column}_is_list"] if f"{column}_is_list" in row else len(texts) > 1
    return f"[{','.join(texts)}]" if as_list else texts[0]


def restored(batch: Batch, row: dict[str, Any]) -> dict[str, Any]:
    """The attributes that a row's skeleton stands for."""
    return restore(orjson.loads(row["attributes"]), texts_of(batch).__getitem__, row)
