import gzip
import itertools
import sys
import threading
import time

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from running import logs, running, traces, wait_until, wakes
from whichstep_collector.errors import PortInUse

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
numbers = itertools.count(1000)


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with running(tmp_path_factory.mktemp("grpc"), decoded_bytes_max=400_000) as started:
        yield started


@pytest.fixture(scope="module")
def channel(sidecar):
    with grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as channel:
        yield channel


def raw_call(channel, body, method=EXPORT, **options):
    return channel.unary_unary(method)(body, timeout=10, **options)


def error_of(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
)
def test_a_clean_call_is_answered_with_nothing_to_say_whatever_the_compression(channel, sidecar, compression):
    number = next(numbers)
    response = TraceServiceStub(channel).Export(traces(number), timeout=10, compression=compression)
    assert not response.HasField("partial_success")
    wait_until(lambda: number in sidecar.span_ids())


def test_every_signal_has_its_service(channel):
    assert not LogsServiceStub(channel).Export(logs(1), timeout=10).HasField("partial_success")
    answer = MetricsServiceStub(channel).Export(ExportMetricsServiceRequest(), timeout=10)
    assert not answer.HasField("partial_success")


def test_a_bad_span_among_good_ones_is_counted_and_the_others_stay(channel, sidecar):
    number = next(numbers)
    partial = TraceServiceStub(channel).Export(traces(0, number), timeout=10).partial_success
    assert partial.rejected_spans == 1
    assert partial.error_message
    wait_until(lambda: number in sidecar.span_ids())


def test_an_undecodable_message_is_invalid_argument_with_details(channel):
    error = error_of(lambda: raw_call(channel, b"\xff\xff\xff"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    trailers = dict(error.trailing_metadata())
    assert Status.FromString(trailers["grpc-status-details-bin"]).message == error.details()
    assert "google.rpc.retryinfo-bin" not in trailers


def test_an_unknown_service_or_method_is_unimplemented(channel):
    for method in ("/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export", EXPORT + "s"):
        assert error_of(lambda method=method: raw_call(channel, b"", method)).code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_over_the_limit_is_resource_exhausted_before_or_after_decompression(channel, compression):
    error = error_of(lambda: raw_call(channel, bytes(400_001), compression=compression))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())


def test_the_health_check_answers(channel):
    assert raw_call(channel, b"", "/grpc.health.v1.Health/Check") == b"\x08\x01"


def test_what_time_mends_is_unavailable_and_tells_the_wait_both_ways(tmp_path):
    with running(tmp_path, disk_free_bytes_min=1 << 60) as started:
        with grpc.insecure_channel(f"127.0.0.1:{started.grpc_port}") as channel:
            error = error_of(lambda: raw_call(channel, traces(1).SerializeToString()))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        trailers = dict(error.trailing_metadata())
        wait = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
        detail = RetryInfo()
        assert Status.FromString(trailers["grpc-status-details-bin"]).details[0].Unpack(detail)
        assert wait == detail
        assert 1 <= wait.retry_delay.seconds <= 3


def test_a_defect_is_internal_and_never_unknown(tmp_path, monkeypatch, caplog):
    with running(tmp_path) as started:

        def fail(_request):
            raise RuntimeError("a secret in an exception")

        monkeypatch.setattr(started.sidecar._ingest, "prepare", fail)
        with grpc.insecure_channel(f"127.0.0.1:{started.grpc_port}") as channel:
            error = error_of(lambda: raw_call(channel, traces(1).SerializeToString()))
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "secret" not in error.details()
        assert "a secret in an exception" in caplog.text


def test_a_wrong_or_missing_token_is_refused_before_the_message_is_read(tmp_path):
    with (
        running(tmp_path, token="agent") as started,
        grpc.insecure_channel(f"127.0.0.1:{started.grpc_port}") as channel,
    ):
        body = bytes(10_000_000)
        for metadata in (None, [("authorization", "Bearer wrong")], [("authorization", "Basic agent")]):
            error = error_of(lambda metadata=metadata: raw_call(channel, body, metadata=metadata))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        reviewer = (tmp_path / "reviewer.token").read_text().strip()
        error = error_of(lambda: raw_call(channel, body, metadata=[("authorization", f"Bearer {reviewer}")]))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        for value in ("Bearer agent", "Bearer%20agent"):
            raw_call(channel, traces(1).SerializeToString(), metadata=[("authorization", value)])
        assert raw_call(channel, b"", "/grpc.health.v1.Health/Check") == b"\x08\x01"


def test_a_port_in_use_is_named_and_nothing_is_left_running(tmp_path, sidecar):
    for taken in ({"grpc_port": sidecar.grpc_port}, {"http_port": sidecar.http_port}):
        with pytest.raises(PortInUse, match=str(next(iter(taken.values())))), running(tmp_path, **taken):
            pass


def test_gzip_is_undone_by_the_library_not_twice(channel, sidecar):
    number = next(numbers)
    body = gzip.compress(traces(number).SerializeToString())
    assert error_of(lambda: raw_call(channel, body)).code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how often a thread woke")
def test_nothing_wakes_a_door_that_nobody_calls(tmp_path):
    others = set(threading.enumerate())
    with running(tmp_path):
        (door,) = [thread for thread in set(threading.enumerate()) - others if thread.name == "grpc"]
        time.sleep(0.5)
        before = wakes(door)
        time.sleep(1)
        assert wakes(door) - before <= 1
