"""OTLP requests for tests: spans, logs, and the same request in both wire forms.

    request(span("chat", **{"gen_ai.operation.name": "chat"}), scope="my.scope")   # ExportTraceServiceRequest
    as_json(request(…))                                                            # OTLP/JSON bytes of it

Ids are derived from numbers, so that a test can say which span it means: `trace_id(1)`, `span_id(2)`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

START = 1_790_000_000_000_000_000
"""When the spans here start, ns since the epoch."""
RECEIVED = START + 60 * 10**9
"""When they are received."""
RESOURCE = {"service.name": "support-agent", "service.version": "1.2.0", "deployment.environment.name": "test"}


def trace_id(number: int) -> bytes:
    """The trace id of a small number."""
    return number.to_bytes(16, "big")


def span_id(number: int) -> bytes:
    """The span id of a small number."""
    return number.to_bytes(8, "big")


def any_value(value: Any) -> AnyValue:  # noqa: PLR0911
    """A Python value as OTLP has it."""
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    if isinstance(value, (list, tuple)):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    return AnyValue(string_value=value)


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes as OTLP has them."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def event(name: str, *, at: int = START, **attributes: Any) -> Span.Event:
    """A span event."""
    return Span.Event(name=name, time_unix_nano=at, attributes=key_values(attributes))


def exception(kind: str, message: str, *, at: int = START, **attributes: Any) -> Span.Event:
    """An exception event."""
    values = {"exception.type": kind, "exception.message": message, **attributes}
    return Span.Event(name="exception", time_unix_nano=at, attributes=key_values(values))


def span(
    name: str = "step",
    *,
    trace: int = 1,
    id: int = 1,  # noqa: A002
    parent: int | None = None,
    start: int = START,
    end: int | None = START + 10**9,
    kind: int = 1,
    status: int = 0,
    message: str = "",
    events: Iterable[Span.Event] = (),
    links: Iterable[Span.Link] = (),
    attributes: Mapping[str, Any] | None = None,
    **more: Any,
) -> Span:
    """A span. Attributes as a mapping, or as keywords where their names allow it."""
    return Span(
        trace_id=trace_id(trace),
        span_id=span_id(id),
        parent_span_id=span_id(parent) if parent else b"",
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=end or 0,
        attributes=key_values({**(attributes or {}), **more}),
        status=Status(code=status, message=message),
        events=events,
        links=links,
    )


def link(trace: int, id: int = 1, **attributes: Any) -> Span.Link:  # noqa: A002
    """A link to a span."""
    return Span.Link(trace_id=trace_id(trace), span_id=span_id(id), attributes=key_values(attributes))


def request(*spans: Span, scope: str = "test", resource: Mapping[str, Any] = RESOURCE) -> ExportTraceServiceRequest:
    """A trace request of one resource and scope."""
    found = ExportTraceServiceRequest()
    group = found.resource_spans.add(resource=Resource(attributes=key_values(resource)))
    group.scope_spans.add(scope=InstrumentationScope(name=scope, version="1"), spans=spans)
    return found


def log(
    event_name: str = "",
    *,
    trace: int | None = None,
    id: int | None = None,  # noqa: A002
    at: int = START,
    body: Any = None,
    attributes: Mapping[str, Any] | None = None,
    severity: int = 9,
) -> LogRecord:
    """A log record."""
    return LogRecord(
        time_unix_nano=at,
        severity_number=severity,
        event_name=event_name,
        body=any_value(body),
        attributes=key_values(attributes or {}),
        trace_id=trace_id(trace) if trace else b"",
        span_id=span_id(id) if id else b"",
    )


def log_request(
    *records: LogRecord, scope: str = "test", resource: Mapping[str, Any] = RESOURCE
) -> ExportLogsServiceRequest:
    """A logs request of one resource and scope."""
    found = ExportLogsServiceRequest()
    group = found.resource_logs.add(resource=Resource(attributes=key_values(resource)))
    group.scope_logs.add(scope=InstrumentationScope(name=scope, version="1"), log_records=records)
    return found


_HEX = {"trace_id", "span_id", "parent_span_id"}


def as_json(message: Any) -> bytes:
    """A request as OTLP/JSON: hex ids, numbers of 64 bits as text, lowerCamelCase."""
    return orjson.dumps(_json(message))


def _json(message: Any) -> dict[str, Any]:
    found = {}
    for field, value in message.ListFields():
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
        found[field.json_name] = [_json_value(field, item) for item in value] if repeated else _json_value(field, value)
    if isinstance(message, AnyValue) and not found and message.WhichOneof("value"):
        name = message.WhichOneof("value")
        field = message.DESCRIPTOR.fields_by_name[name]
        found[field.json_name] = _json_value(field, getattr(message, name))
    return found


def _json_value(field: Any, value: Any) -> Any:  # noqa: PLR0911
    if field.type == field.TYPE_MESSAGE:
        return _json(value)
    if field.name in _HEX:
        return value.hex()
    if field.type == field.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.type in {field.TYPE_FIXED64, field.TYPE_INT64, field.TYPE_UINT64}:
        return str(value)
    if field.type == field.TYPE_DOUBLE and value != value:  # noqa: PLR0124
        return "NaN"
    if field.type == field.TYPE_DOUBLE and value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
