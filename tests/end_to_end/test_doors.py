"""The real exporters of OpenTelemetry against real doors."""

import threading
import time

import pytest
from grpc import Compression as GrpcCompression
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from running import running, wait_until


def spans(count):
    """Finished spans of the SDK, as an exporter gets them."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "support", "service.version": "R1"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("root"):
        for number in range(count - 1):
            with tracer.start_as_current_span(f"step {number}") as span:
                span.set_attribute("note", "x" * 100)
    provider.shutdown()
    return memory.get_finished_spans()


def ids(finished):
    return sorted(span.context.span_id for span in finished)


def exporters(started, **options):
    http, grpc = started.http + "/v1/traces", started.grpc
    return {
        "HTTP": lambda: HttpExporter(http, compression=HttpCompression.NoCompression, **options),
        "HTTP gzip": lambda: HttpExporter(http, compression=HttpCompression.Gzip, **options),
        "HTTP deflate": lambda: HttpExporter(http, compression=HttpCompression.Deflate, **options),
        "gRPC": lambda: GrpcExporter(grpc, insecure=True, **options),
        "gRPC gzip": lambda: GrpcExporter(grpc, insecure=True, compression=GrpcCompression.Gzip, **options),
    }


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with running(tmp_path_factory.mktemp("doors")) as started:
        yield started


@pytest.mark.parametrize("name", ["HTTP", "HTTP gzip", "HTTP deflate", "gRPC", "gRPC gzip"])
def test_what_an_exporter_sends_is_stored(sidecar, name):
    exporter, finished = exporters(sidecar)[name](), spans(600)
    assert exporter.export(finished) is SpanExportResult.SUCCESS
    exporter.shutdown()
    wait_until(lambda: set(ids(finished)) <= set(sidecar.span_ids()))


@pytest.mark.parametrize("name", ["HTTP gzip", "gRPC"])
def test_a_batch_sent_three_times_is_stored_once(sidecar, name):
    exporter, finished = exporters(sidecar)[name](), spans(20)
    for _ in range(3):
        assert exporter.export(finished) is SpanExportResult.SUCCESS
    exporter.shutdown()
    wait_until(lambda: sidecar.count("whichstep_journal_backlog_bytes") == 0)
    stored = [number for number in sidecar.span_ids() if number in ids(finished)]
    assert stored == ids(finished)


@pytest.mark.parametrize("name", ["HTTP", "gRPC"])
def test_an_exporter_waits_as_told_and_its_batch_arrives_when_the_trouble_is_over(tmp_path, name):
    with running(tmp_path, disk_free_bytes_min=1 << 60) as started:
        exporter, finished = exporters(started)[name](), spans(5)
        admission = started.sidecar._admission
        begun = time.monotonic()
        threading.Timer(1.0, lambda: setattr(admission, "_disk_free_bytes_min", 0)).start()
        assert exporter.export(finished) is SpanExportResult.SUCCESS
        assert time.monotonic() - begun < 9
        exporter.shutdown()
        assert started.await_spans(5) == ids(finished)


@pytest.mark.parametrize("name", ["HTTP", "gRPC"])
def test_a_token_is_sent_as_exporters_send_it(tmp_path, name):
    with running(tmp_path, token="agent") as started:
        finished = spans(3)
        allowed = exporters(started, headers={"authorization": "Bearer agent"})[name]()
        assert allowed.export(finished) is SpanExportResult.SUCCESS
        allowed.shutdown()
        for headers in ({}, {"authorization": "Bearer other"}):
            refused = exporters(started, headers=headers)[name]()
            assert refused.export(spans(1)) is SpanExportResult.FAILURE
            refused.shutdown()
        assert started.await_spans(3) == ids(finished)


def test_an_exporter_at_the_wrong_door_gets_an_answer_and_harms_nobody(sidecar):
    lost = HttpExporter(f"http://127.0.0.1:{sidecar.grpc_port}/v1/traces", timeout=1)
    assert lost.export(spans(1)) is SpanExportResult.FAILURE
    lost.shutdown()
    lost = GrpcExporter(f"http://127.0.0.1:{sidecar.http_port}", insecure=True, timeout=1)
    assert lost.export(spans(1)) is SpanExportResult.FAILURE
    lost.shutdown()
    exporter = exporters(sidecar)["HTTP"]()
    assert exporter.export(spans(1)) is SpanExportResult.SUCCESS
    exporter.shutdown()


def test_logs_of_the_exporter_are_taken(sidecar):
    from opentelemetry.exporter.otlp.proto.http._log_exporter import LogRecordExportResult

    exporter = OTLPLogExporter(sidecar.http + "/v1/logs")
    assert exporter.export([]) in (LogRecordExportResult.SUCCESS, 0)
    exporter.shutdown()
