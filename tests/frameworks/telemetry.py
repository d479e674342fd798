"""OpenTelemetry in the agent's process, as a user of any OTLP backend sets it up. Needs the OpenTelemetry SDK alone."""

from __future__ import annotations

import os
import sys

from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SERVICE, RELEASE = "support-agent", "1.4.0"
_DELAY_MILLIS = 300


def resource() -> Resource:
    """Who is sending."""
    return Resource.create({"service.name": SERVICE, "service.version": RELEASE, "deployment.environment.name": "test"})


def start() -> TracerProvider:
    """The global providers of traces and logs, exporting to OTEL_EXPORTER_OTLP_ENDPOINT."""
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    provider = TracerProvider(resource=resource())
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_DELAY_MILLIS))
    trace.set_tracer_provider(provider)
    logs = LoggerProvider(resource=resource())
    logs.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{endpoint}/v1/logs"), schedule_delay_millis=_DELAY_MILLIS)
    )
    _logs.set_logger_provider(logs)
    return provider


def start_whichstep() -> None:
    """What a user of the SDK writes instead: two lines."""
    import whichstep

    whichstep.configure(service=SERVICE, release=RELEASE, environment="test")
    whichstep.instrument()


def flush() -> None:
    """Send what is waiting."""
    if "whichstep" in sys.modules:
        sys.modules["whichstep"].flush(timeout=10)
    for provider in (trace.get_tracer_provider(), _logs.get_logger_provider()):
        if hasattr(provider, "force_flush"):
            provider.force_flush()
