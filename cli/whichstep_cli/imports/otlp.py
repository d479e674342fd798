"""OTLP as it was recorded: protobuf requests, and JSON as requests or as the Collector's file exporter writes them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from whichstep_cli.imports.formats.base import NotTakenError
from whichstep_cli.imports.reading import Record
from whichstep_cli.otlp import JSON, LOGS, PROTOBUF, TRACES

NAME: Final = "otlp"


class Request(NamedTuple):
    """One OTLP request."""

    path: str
    body: bytes
    content_type: str
    items: int
    """Spans or log records in it."""


def recognises(record: Record) -> bool:
    """Bytes, which nothing else is, or the spans or log records of one resource."""
    return isinstance(record.value, bytes) or record.within in _SHAPES


def requests_of(record: Record, *, logs: bool) -> list[Request]:
    """The request of a record. `logs` decides what protobuf holds, as its bytes do not say.

    Raises:
        NotTakenError: it is no request.
    """
    if isinstance(record.value, bytes):
        return [_protobuf(record.value, logs=logs)]
    path, scopes, items = _SHAPES[record.within]
    groups = record.value.get(scopes) if isinstance(record.value, dict) else None
    if not isinstance(groups, list):
        return []
    count = sum(len(group.get(items) or []) for group in groups if isinstance(group, dict))
    return [Request(path, orjson.dumps({record.within: [record.value]}), JSON, count)] if count else []


_SHAPES: Final[dict[str, tuple[str, str, str]]] = {
    "resourceSpans": (TRACES, "scopeSpans", "spans"),
    "resourceLogs": (LOGS, "scopeLogs", "logRecords"),
}


def _protobuf(body: bytes, *, logs: bool) -> Request:
    try:
        if logs:
            found: Any = ExportLogsServiceRequest.FromString(body).resource_logs
            count = sum(len(scope.log_records) for group in found for scope in group.scope_logs)
            return Request(LOGS, body, PROTOBUF, count)
        found = ExportTraceServiceRequest.FromString(body).resource_spans
        return Request(TRACES, body, PROTOBUF, sum(len(scope.spans) for group in found for scope in group.scope_spans))
    except DecodeError as error:
        raise NotTakenError("neither OTLP protobuf, JSON, CSV, Parquet nor a zip archive") from error
