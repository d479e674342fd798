"""Sending OTLP requests to the sidecar: waits and repeats where the sidecar asks for it, counts what it refused."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from whichstep_cli.client import Client
from whichstep_cli.errors import UnreachableError

TRACES: Final = "/v1/traces"
LOGS: Final = "/v1/logs"
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
PATIENCE_SECONDS: Final = 60.0
"""How long one request is repeated while the sidecar is full or busy."""
_RETRYABLE: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one request that was well formed."""

    rejected: int = 0
    """Spans or log records that were not stored."""
    reason: str = ""
    undecodable: bool = False
    """The sidecar could not read the body at all; nothing of it was stored."""


def deliver(client: Client, path: str, body: bytes, content_type: str = PROTOBUF) -> Receipt:
    """Send one request until it is durably stored or refused for good.

    Raises:
        UnreachableError: the sidecar does not answer, or stayed busy for `PATIENCE_SECONDS`.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.2
    while (response := client.send(path, body, content_type)).status_code in _RETRYABLE:
        wait = _wait(response, pause)
        if time.monotonic() + wait > deadline:
            raise UnreachableError(f"the sidecar at {client.endpoint} stays busy ({response.status_code}); try again")
        time.sleep(wait)
        pause = min(pause * 2, 5.0)
    if response.status_code in (401, 403):
        raise UnreachableError(f"{client.endpoint} refused the token; set WHICHSTEP_TOKEN to one with the scope ingest")
    if response.is_error:
        return Receipt(undecodable=True, reason=f"refused with {response.status_code}")
    return _receipt(path, response)


def _wait(response: httpx.Response, pause: float) -> float:
    """Seconds to wait: what the sidecar says, else a growing pause."""
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else pause


def _receipt(path: str, response: httpx.Response) -> Receipt:
    if not response.headers.get("Content-Type", "").startswith(PROTOBUF):
        partial = response.json().get("partialSuccess") or {}
        rejected = partial.get("rejectedSpans") or partial.get("rejectedLogRecords") or 0
        return Receipt(rejected=int(rejected), reason=partial.get("errorMessage", ""))
    if path == LOGS:
        logs = ExportLogsServiceResponse.FromString(response.content).partial_success
        return Receipt(rejected=logs.rejected_log_records, reason=logs.error_message)
    traces = ExportTraceServiceResponse.FromString(response.content).partial_success
    return Receipt(rejected=traces.rejected_spans, reason=traces.error_message)
