"""OTLP protobuf bodies as plain dictionaries: what the test fixture shows. The reverse of `encoding`, ids as hex."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from whichstep import attributes as names

STATUS = ("unset", "ok", "error")
STEP_NAMES = (names.TOOL_NAME, names.AGENT_NAME, names.STEP_NAME, names.REQUEST_MODEL, names.WORKFLOW_NAME)


def read_traces(body: bytes) -> list[dict[str, Any]]:
    """The spans of a traces request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        _span(span, scope.scope.name, read_attributes(group.resource.attributes))
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def read_logs(body: bytes) -> list[dict[str, Any]]:
    """The log records of a logs request."""
    request = ExportLogsServiceRequest.FromString(body)
    return [
        {
            "event_name": getattr(record, "event_name", "") or attributes.get("event.name"),
            "name": attributes.get(names.EVALUATION_NAME),
            "attributes": attributes,
            "trace_id": record.trace_id.hex() or None,
            "span_id": record.span_id.hex() or None,
            "time": record.time_unix_nano,
            "scope": scope.scope.name,
            "resource": read_attributes(group.resource.attributes),
        }
        for group in request.resource_logs
        for scope in group.scope_logs
        for record in scope.log_records
        for attributes in (read_attributes(record.attributes),)
    ]


def read_attributes(pairs: Any) -> dict[str, Any]:
    """Attributes in Python's own types."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _span(span: Any, scope: str, resource: dict[str, Any]) -> dict[str, Any]:
    attributes = read_attributes(span.attributes)
    return {
        "name": span.name,
        "step": next((attributes[name] for name in STEP_NAMES if name in attributes), span.name),
        "type": attributes.get(names.STEP_TYPE),
        "attributes": attributes,
        "status": STATUS[span.status.code],
        "message": span.status.message,
        "execution_id": attributes.get(names.EXECUTION_ID),
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "started_at": span.start_time_unix_nano,
        "ended_at": span.end_time_unix_nano,
        "events": [{"name": event.name, "attributes": read_attributes(event.attributes)} for event in span.events],
        "links": [{"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links],
        "scope": scope,
        "resource": resource,
    }


def _value(value: Any) -> Any:
    held = value.WhichOneof("value")
    if held == "array_value":
        return [_value(item) for item in value.array_value.values]
    if held == "kvlist_value":
        return read_attributes(value.kvlist_value.values)
    return None if held is None else getattr(value, held)
