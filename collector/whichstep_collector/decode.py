"""OTLP bytes to plain values, protobuf and JSON. Pure: knows no transport, keeps nothing.

Spans with bad ids or impossible values are rejected one by one and counted; the rest of the request stays. Only a
request that cannot be read as a whole raises `Undecodable`. Invalid UTF-8 in a name fails the whole request (the
protobuf parser decides), in an attribute only its span.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError

from whichstep_collector.decoding import decode_json, wire
from whichstep_collector.decoding.attributes import AttributeReader, read_value
from whichstep_collector.decoding.ids import MISSING_IDS, check_ids, optional_span_id, optional_trace_id
from whichstep_collector.received import (
    Attributes,
    BadValue,
    LogGroup,
    ReceivedEvent,
    ReceivedLink,
    ReceivedLog,
    ReceivedLogs,
    ReceivedSpan,
    ReceivedTraces,
    Source,
    SpanGroup,
    Undecodable,
    reject,
)

__all__ = ["SPANS_MAX", "Undecodable", "decode_logs", "decode_traces"]

SPANS_MAX = decode_json.SPANS_MAX


def decode_traces(body: bytes, *, json: bool) -> ReceivedTraces:
    """The spans of an `ExportTraceServiceRequest`. Raises `Undecodable`."""
    received = decode_json.traces(body) if json else _protobuf_traces(body)
    if received.rejected and not received.span_count and _looks_like_logs(received):
        raise Undecodable(
            "logs_on_traces_path",
            "no span has an id: this looks like logs sent to the traces path; send them to /v1/logs",
        )
    return received


def decode_logs(body: bytes, *, json: bool) -> ReceivedLogs:
    """The records of an `ExportLogsServiceRequest`. Raises `Undecodable`."""
    return decode_json.logs(body) if json else _protobuf_logs(body)


def _looks_like_logs(received: ReceivedTraces) -> bool:
    """Logs share field numbers with spans: read as traces, every record is a span without ids."""
    return received.reasons == [MISSING_IDS]


def _protobuf_traces(body: bytes) -> ReceivedTraces:
    request = _parse(wire.TraceRequest, body, "ExportTraceServiceRequest", "logs were perhaps sent to /v1/traces")
    received, reader = ReceivedTraces(), AttributeReader()
    for source, items in _groups(request, reader):
        spans: list[ReceivedSpan] = []
        for item in items:
            try:
                spans.append(_span(item, reader))
            except BadValue as bad:
                reject(received, str(bad))
        if spans:
            received.groups.append(SpanGroup(source, spans))
    return received


def _protobuf_logs(body: bytes) -> ReceivedLogs:
    request = _parse(wire.LogsRequest, body, "ExportLogsServiceRequest", "spans were perhaps sent to /v1/logs")
    received, reader = ReceivedLogs(), AttributeReader()
    for source, items in _groups(request, reader):
        logs: list[ReceivedLog] = []
        for item in items:
            try:
                logs.append(_log(item, reader))
            except BadValue as bad:
                reject(received, str(bad))
        if logs:
            received.groups.append(LogGroup(source, logs))
    return received


def _parse(message: Any, body: bytes, name: str, hint: str) -> Any:
    try:
        request = message.FromString(body)
    except DecodeError as error:
        raise Undecodable("protobuf", f"the body is no {name}: not valid protobuf ({hint})") from error
    count = sum(len(scope.items) for resource in request.resources for scope in resource.scopes)
    if count > SPANS_MAX:
        raise Undecodable(
            "too_many", f"{count} items in one request, at most {SPANS_MAX} are read; send smaller batches"
        )
    return request


def _groups(request: Any, reader: AttributeReader) -> Any:
    for resource in request.resources:
        try:
            attributes = reader.read(resource.resource.attributes)
        except BadValue as bad:
            raise Undecodable("resource", f"the resource holds {bad}") from bad
        for scope in resource.scopes:
            yield _source(resource, attributes, scope, reader), scope.items


def _source(resource: Any, attributes: Attributes, scope: Any, reader: AttributeReader) -> Source:
    try:
        scope_attributes = reader.read(scope.scope.attributes)
    except BadValue as bad:
        raise Undecodable("scope", f"the scope holds {bad}") from bad
    return Source(
        resource=attributes,
        resource_schema_url=resource.schema_url,
        scope=scope.scope.name,
        scope_version=scope.scope.version,
        scope_attributes=scope_attributes,
        scope_schema_url=scope.schema_url,
    )


def _span(item: Any, reader: AttributeReader) -> ReceivedSpan:
    trace_id, span_id, parent = item.trace_id, item.span_id, item.parent_span_id
    check_ids(trace_id, span_id, parent)
    status, events, links = item.status, item.events, item.links
    status_code, status_message = _STATUSES.get(status) or _status(status)
    attributes = reader.read(item.attributes)
    repeated = len(item.attributes) - len(attributes)
    return ReceivedSpan(
        trace_id,
        int.from_bytes(span_id, "big"),
        int.from_bytes(parent, "big") or None,  # empty and all zero both mean: a root
        item.name,
        item.kind,
        item.start,
        item.end,
        attributes,
        status_code,
        status_message,
        [_event(event, reader) for event in events] if events else [],
        [_link(link, reader) for link in links] if links else [],
        item.trace_state,
        item.flags,
        item.dropped_attributes + repeated,  # the last of equal keys wins; the others are lost
        item.dropped_events,
        item.dropped_links,
    )


_STATUSES: Final = {b"": (0, ""), b"\x18\x01": (1, ""), b"\x18\x02": (2, "")}
"""Encoded statuses without a message."""


def _status(encoded: bytes) -> tuple[int, str]:
    try:
        status = wire.Status.FromString(encoded)
    except DecodeError as error:
        raise BadValue("a status that protobuf cannot decode: invalid UTF-8") from error
    return status.code, status.message


def _event(event: Any, reader: AttributeReader) -> ReceivedEvent:
    attributes = reader.read(event.attributes)
    return ReceivedEvent(event.name, event.time, attributes, event.dropped_attributes)


def _link(link: Any, reader: AttributeReader) -> ReceivedLink:
    attributes = reader.read(link.attributes)
    return ReceivedLink(link.trace_id, link.span_id, attributes, link.trace_state)


def _log(item: Any, reader: AttributeReader) -> ReceivedLog:
    return ReceivedLog(
        trace_id=optional_trace_id(item.trace_id),
        span_id=optional_span_id(item.span_id),
        time=item.time,
        observed_time=item.observed_time,
        severity=item.severity,
        severity_text=item.severity_text,
        event_name=item.event_name,
        body=read_value(item.body) if item.body else None,
        attributes=reader.read(item.attributes),
        flags=item.flags,
        dropped_attributes=item.dropped_attributes,
    )
