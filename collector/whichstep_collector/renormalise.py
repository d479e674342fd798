"""Stored rows through the normaliser of this build: other facts where its rules have changed, everything else the same.

Ids, times of receipt and digests stay, so a span that is sent again, or read from the journal again, still meets its
row. A row that cannot be restored, as a text of it is gone, stays as it was and is counted. Pure.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

import pyarrow as pa

from whichstep_collector.normalise import normalise_logs, normalise_traces
from whichstep_collector.normalising.columns import content_batch, log_batch, span_batch
from whichstep_collector.normalising.log_events import log_row
from whichstep_collector.normalising.restored import log_of, source_of, span_of
from whichstep_collector.normalising.sources import SourceFacts
from whichstep_collector.received import LogGroup, ReceivedLogs, ReceivedSpan, ReceivedTraces, Source, SpanGroup
from whichstep_store.batches import SPAN_SCHEMA, TIME, UUID, Batch

Texts = Mapping[tuple[bytes, str], str]
"""Texts by trace id and hash (32 hex digits)."""
Row = dict[str, Any]
_RECEIVED: Final = (
    "trace_id", "span_id", "parent_span_id", "received_at", "started_at", "ended_at", "name", "kind", "status", "scope",
    "error_message", "flags", "synthetic", "attribute_count", "digest",
    "input", "output", "arguments", "result", "query", "sources", "attributes", "events", "links", "resource",
)  # fmt: skip
_UNREADABLE: Final = (LookupError, ValueError, TypeError)
_CUT: Final = '{"truncated":true,'
"""Starts what stands for a body or attributes that were too long to keep."""


class Renormalised(NamedTuple):
    """Rows made again."""

    batches: list[Batch]
    spans: int
    """Read anew."""
    kept: int
    """Left as they were, because a text of theirs is gone."""


def renormalise_spans(spans: pa.RecordBatch, texts: Texts) -> Renormalised:
    """The rows of these spans as this build makes them, with their texts. `spans` in SPAN_SCHEMA."""
    requests: dict[int, _Request] = defaultdict(_Request)
    kept: list[int] = []
    for number, row in enumerate(_rows(spans.select(list(_RECEIVED)))):
        if row["synthetic"]:
            continue  # the normaliser makes it again, from the span that it stands beside
        try:
            requests[row["received_at"]].add(row, texts)
        except _UNREADABLE:
            kept.append(number)
    batches = [request.normalised(received_at) for received_at, request in requests.items() if request.digests]
    if kept:
        batches.append(_as_they_were(spans.take(pa.array(kept, pa.int64())), texts))
    return Renormalised(batches, sum(len(request.digests) for request in requests.values()), len(kept))


def renormalise_logs(logs: pa.RecordBatch) -> list[Batch]:
    """The rows of these log records as this build makes them, and of what they tell. `logs` in LOG_SCHEMA."""
    rows = list(_rows(logs))
    requests: dict[int, list[LogGroup]] = defaultdict(list)
    for row in rows:
        with suppress(*_UNREADABLE):
            if not _is_cut(row):
                requests[row["received_at"]].append(LogGroup(_named(row), [log_of(row)]))
    told = [normalise_logs(ReceivedLogs(groups), received_at=at) for at, groups in requests.items()]
    again = log_batch([_log_again(row) for row in rows])
    return [
        Batch(span_batch([]), content_batch([], [], []), again),
        *(batch._replace(logs=log_batch([])) for batch in told),
    ]


class _Request:
    """What arrived together: rows of one time of receipt, restored."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], SpanGroup] = {}
        self.digests: list[tuple[tuple[bytes, int], bytes, int]] = []

    def add(self, row: Row, texts: Texts) -> None:
        def fetch(digest: str) -> str:
            return texts[row["trace_id"], digest]

        span = span_of(row, fetch)
        key = (row["scope"], row["resource"])
        if key not in self._sources:
            self._sources[key] = SpanGroup(source_of(row["resource"], row["scope"], fetch), [])
        self._sources[key].spans.append(span)
        self.digests.append((_key(span), row["digest"], row["attribute_count"]))

    def normalised(self, received_at: int) -> Batch:
        batch = normalise_traces(ReceivedTraces(list(self._sources.values())), received_at=received_at)
        return batch._replace(spans=self._with_stored_digests(batch.spans))

    def _with_stored_digests(self, spans: pa.RecordBatch) -> pa.RecordBatch:
        """A digest is of the span as received, and of how it was kept: the stored one knows it when it comes again."""
        stored: dict[tuple[bytes, int], deque[tuple[bytes, int]]] = defaultdict(deque)
        for key, digest, count in self.digests:
            stored[key].append((digest, count))
        columns = [spans[name].to_pylist() for name in ("trace_id", "span_id", "digest", "attribute_count")]
        found = [
            stored[key].popleft() if stored[key := (trace_id.bytes, span_id)] else (digest.bytes, count)
            for trace_id, span_id, digest, count in zip(*columns, strict=True)
        ]
        digests = pa.ExtensionArray.from_storage(UUID, pa.array([digest for digest, _ in found], pa.binary(16)))
        counts = pa.array([count for _, count in found], SPAN_SCHEMA.field("attribute_count").type)
        return _replaced(_replaced(spans, "digest", digests), "attribute_count", counts)


def _key(span: ReceivedSpan) -> tuple[bytes, int]:
    return span.trace_id, span.span_id


def _replaced(rows: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    columns = [column if field.name == name else rows[field.name] for field in rows.schema]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _as_they_were(spans: pa.RecordBatch, texts: Texts) -> Batch:
    """The rows unchanged, with whatever texts of their traces there are."""
    traces = {trace_id.bytes for trace_id in spans["trace_id"].to_pylist()}
    left = [(trace_id, digest, text) for (trace_id, digest), text in texts.items() if trace_id in traces]
    content = content_batch(
        [trace_id for trace_id, _, _ in left],
        [bytes.fromhex(digest) for _, digest, _ in left],
        [text for _, _, text in left],
    )
    return Batch(spans, content, log_batch([]))


def _log_again(row: Row) -> Row:
    if _is_cut(row):
        return row
    try:
        found = log_row(log_of(row), SourceFacts.of(_named(row), received_at=row["received_at"]), row["received_at"])
    except _UNREADABLE:
        return row
    return {**row, **found, **{name: row[name] for name in ("digest", "body", "attributes", "occurred_at")}}


def _is_cut(row: Row) -> bool:
    return any((row[name] or "").startswith(_CUT) for name in ("body", "attributes"))


def _named(row: Row) -> Source:
    return Source(resource={"service.name": row["service"]}, scope=row["scope"])


def _rows(batch: pa.RecordBatch) -> list[Row]:
    """Rows with ids as bytes and times as whole nanoseconds."""
    plain = [_plain(batch[field.name], field.type) for field in batch.schema]
    return list(pa.RecordBatch.from_arrays(plain, names=batch.schema.names).to_pylist())


def _plain(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == UUID:
        return column.storage
    return column.cast(pa.int64()) if kind == TIME else column
