"""What OTLP clients get back, as bytes: export responses and `google.rpc.Status`, in protobuf or JSON. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from whichstep_collector.refusals import Refused, shortened, status

TRACES, LOGS, METRICS = "traces", "logs", "metrics"
SIGNALS: Final = (TRACES, LOGS, METRICS)
PROTOBUF_TYPE: Final = "application/x-protobuf"
JSON_TYPE: Final = "application/json"

_REJECTED_FIELDS: Final = {TRACES: "rejected_spans", LOGS: "rejected_log_records", METRICS: "rejected_data_points"}
_REJECTED_KEYS: Final = {TRACES: "rejectedSpans", LOGS: "rejectedLogRecords", METRICS: "rejectedDataPoints"}
_RESPONSES: Final = {
    TRACES: ExportTraceServiceResponse,
    LOGS: ExportLogsServiceResponse,
    METRICS: ExportMetricsServiceResponse,
}


class Reply(NamedTuple):
    """What became of an accepted request."""

    rejected: int = 0
    """Spans or log records that were left out; the others are stored."""
    message: str = ""
    """Why, for people; empty when nothing is to be said."""


def success_body(signal: str, reply: Reply, *, json: bool) -> bytes:
    """Return the export response; `partial_success` is there only when there is something to say."""
    if not reply.rejected and not reply.message:
        return b"{}" if json else b""
    message = shortened(reply.message)
    if json:
        partial = {_REJECTED_KEYS[signal]: str(reply.rejected), "errorMessage": message}
        return orjson.dumps({"partialSuccess": partial})
    response = _RESPONSES[signal]()
    setattr(response.partial_success, _REJECTED_FIELDS[signal], reply.rejected)
    response.partial_success.error_message = message
    serialized: bytes = response.SerializeToString()
    return serialized


def status_body(refused: Refused, retry_after: int | None, *, json: bool) -> bytes:
    """Return the `google.rpc.Status` of a refusal."""
    answer = status(refused, retry_after)
    if json:
        return orjson.dumps(MessageToDict(answer))
    serialized: bytes = answer.SerializeToString()
    return serialized
