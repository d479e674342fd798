import base64
import contextlib
import gzip
import itertools
import json
import socket
import threading
import time
import zlib

import httpx
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from running import JSON, PROTOBUF, logs, running, traces, wait_until
from whichstep_collector import http_server

INVALID_ARGUMENT, UNAVAILABLE = 3, 14
numbers = itertools.count(1000)


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http"), path_prefix="/otlp", request_bytes_max=300_000,
                 decoded_bytes_max=400_000, body_timeout_seconds=0.5) as started:  # fmt: skip
        yield started


@pytest.fixture(scope="module")
def client(sidecar):
    with httpx.Client(
        base_url=sidecar.http, trust_env=False, timeout=30, headers={"accept-encoding": "identity"}
    ) as client:
        yield client


def as_json(request):
    """OTLP/JSON of a request: as protobuf's, but ids are hex and enumerations numbers."""

    def mend(value):
        if isinstance(value, dict):
            return {
                key: base64.b64decode(item).hex() if key in ("traceId", "spanId", "parentSpanId") else mend(item)
                for key, item in value.items()
            }
        return [mend(item) for item in value] if isinstance(value, list) else value

    return json.dumps(mend(MessageToDict(request, use_integers_for_enums=True))).encode()


def post(client, body, *, path="/v1/traces", content_type=PROTOBUF, **headers):
    fields = {"content-type": content_type, **{key.replace("_", "-"): text for key, text in headers.items()}}
    return client.post(
        str(client.base_url).rstrip("/") + path,
        content=body,
        headers={key: text for key, text in fields.items() if text is not None},
    )


def status_of(response, content_type):
    assert response.headers["content-type"] == content_type
    if content_type == JSON:
        return ParseDict(response.json(), Status())
    return Status.FromString(response.content)


# What is accepted.


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/traces/", "//v1/traces", "/otlp/v1/traces", "/otlp/v1/traces/"])
@pytest.mark.parametrize("content_type", [PROTOBUF, "Application/X-Protobuf", "application/x-protobuf; charset=utf-8"])
def test_a_clean_request_is_answered_with_200_no_body_and_the_exact_type(client, sidecar, path, content_type):
    number = next(numbers)
    response = post(client, traces(number).SerializeToString(), path=path, content_type=content_type)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == PROTOBUF
    wait_until(lambda: number in sidecar.span_ids())


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_is_answered_in_json(client, sidecar, content_type):
    number = next(numbers)
    response = post(client, as_json(traces(number)), content_type=content_type)
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"{}", JSON)
    wait_until(lambda: number in sidecar.span_ids())


@pytest.mark.parametrize(
    ("coding", "compress"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
@pytest.mark.parametrize("as_bytes", [lambda request: request.SerializeToString(), as_json])
def test_every_coding_is_read_in_both_encodings(client, sidecar, coding, compress, as_bytes):
    number = next(numbers)
    content_type = JSON if as_bytes is as_json else PROTOBUF
    body = compress(as_bytes(traces(number)))
    assert post(client, body, content_type=content_type, content_encoding=coding).status_code == 200
    wait_until(lambda: number in sidecar.span_ids())


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/v1/traces", b"", PROTOBUF),
        ("/v1/traces", b"{}", JSON),
        ("/v1/traces", b'{"resourceSpans":[]}', JSON),
        ("/v1/traces", b'{"resourceSpans":[{"resource":{}}]}', JSON),
        ("/v1/logs", b"", PROTOBUF),
        ("/v1/logs", b'{"resourceLogs":[]}', JSON),
    ],
)
def test_an_empty_request_succeeds_and_writes_nothing(client, sidecar, body, content_type, path):
    before = sidecar.sidecar._journal.end()
    assert post(client, body, path=path, content_type=content_type).status_code == 200
    assert sidecar.sidecar._journal.end() == before


def test_logs_are_stored(client, sidecar):
    response = post(client, logs(2).SerializeToString(), path="/v1/logs")
    assert (response.status_code, response.content) == (200, b"")
    wait_until(lambda: sidecar.store._database.read("select * from log_rows").num_rows == 2)


def test_metrics_are_accepted_counted_and_not_stored(client, sidecar):
    before = sidecar.count("whichstep_metric_requests_ignored_total")
    body = ExportMetricsServiceRequest().SerializeToString()
    assert post(client, body, path="/v1/metrics").status_code == 200
    assert sidecar.count("whichstep_metric_requests_ignored_total") == before + 1


def test_a_chunked_body_is_read(client, sidecar):
    number = next(numbers)
    body = traces(number).SerializeToString()
    assert post(client, iter([body[:10], body[10:]])).status_code == 200
    wait_until(lambda: number in sidecar.span_ids())


def test_a_bad_span_among_good_ones_is_counted_and_the_others_stay(client, sidecar):
    good = next(numbers)
    request = traces(good, 0, 0)
    partial = ExportTraceServiceResponse.FromString(post(client, request.SerializeToString()).content).partial_success
    assert partial.rejected_spans == 2
    assert partial.error_message
    answer = post(client, as_json(request), content_type=JSON).json()["partialSuccess"]
    assert answer["rejectedSpans"] == "2"
    assert answer["errorMessage"]
    wait_until(lambda: good in sidecar.span_ids())


# What is refused, in both encodings.

BAD_BODIES = [
    pytest.param(b"\xff\xff\xff", {}, 400, id="no protobuf, no JSON"),
    pytest.param(gzip.compress(b"x" * 100)[:-9], {"content_encoding": "gzip"}, 400, id="truncated gzip"),
    pytest.param(b"plain", {"content_encoding": "gzip"}, 400, id="labelled gzip and is not"),
    pytest.param(b"x", {"content_encoding": "br"}, 415, id="unknown coding"),
    pytest.param(b"x", {"content_encoding": "gzip, gzip"}, 415, id="two codings"),
    pytest.param(b"x" * 300_001, {}, 413, id="too large"),
    pytest.param(gzip.compress(bytes(400_001)), {"content_encoding": "gzip"}, 413, id="too large once inflated"),
    pytest.param(gzip.compress(bytes(100 << 20)), {"content_encoding": "gzip"}, 413, id="a bomb"),
]


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize(("body", "headers", "expected"), BAD_BODIES)
def test_a_bad_body_is_refused_once_with_a_status_in_its_encoding(
    client, sidecar, body, headers, expected, path, content_type
):
    before = sidecar.sidecar._journal.end()
    response = post(client, body, path=path, content_type=content_type, **headers)
    assert response.status_code == expected
    assert "retry-after" not in response.headers
    status = status_of(response, content_type)
    assert status.message
    if expected == 400:
        assert status.code == INVALID_ARGUMENT
        assert status.details[0].Unpack(BadRequest())
    assert sidecar.sidecar._journal.end() == before


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/grpc", "application/x-www-form-urlencoded"])
def test_a_type_that_is_neither_is_415_with_a_status_in_json(client, content_type):
    response = post(client, b"{}", content_type=content_type)
    assert response.status_code == 415
    message = status_of(response, JSON).message
    assert ("4317" in message) == (content_type == "application/grpc")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_another_method_is_405_and_names_the_right_one(client, method):
    response = client.request(method, "/v1/traces", headers={"content-type": PROTOBUF})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    if method != "HEAD":
        assert status_of(response, PROTOBUF).message


@pytest.mark.parametrize("path", ["/v1/trace", "/v1/traces/x", "/v2/traces", "/traces", "/"])
def test_an_unknown_path_is_404_for_exporters_and_never_a_redirect(client, path):
    response = post(client, traces(1).SerializeToString(), path=path)
    assert response.status_code == 404
    assert "/v1/traces" in status_of(response, PROTOBUF).message


def test_a_person_who_asks_for_an_unknown_path_gets_a_problem_document(client):
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 404


def test_logs_sent_to_the_traces_path_are_refused_with_a_hint(client):
    body = logs(1)
    body.resource_logs[0].scope_logs[0].log_records[0].ClearField("trace_id")
    body.resource_logs[0].scope_logs[0].log_records[0].ClearField("span_id")
    response = post(client, body.SerializeToString())
    assert response.status_code == 400
    assert "/v1/logs" in status_of(response, PROTOBUF).message


def test_what_a_client_is_told_never_holds_what_it_sent(client):
    response = post(client, b'{"resourceSpans": [{"a secret": }]}', content_type=JSON)
    assert response.status_code == 400
    assert b"secret" not in response.content


# Connections.


def exchange(sidecar, request):
    """Send raw bytes and return what comes back until the other side has nothing more to say."""
    with sidecar.connect() as connection:
        connection.sendall(request)
        connection.settimeout(3)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            pass
        return answer


def raw_post(body, *, path="/v1/traces", content_type=PROTOBUF, close=False, length=None):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n"
    )
    return (head + ("Connection: close\r\n" if close else "") + "\r\n").encode() + body


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(raw_post(b"\xff" * 100), id="400"),
        pytest.param(raw_post(b"x" * 100, path="/v1/nothing"), id="404 before the body is read"),
        pytest.param(raw_post(b"x" * 100, content_type="text/plain"), id="415 before the body is read"),
        pytest.param(raw_post(b"x" * 310_000), id="413 before the body is read"),
    ],
)
def test_a_connection_serves_the_next_request_after_a_refusal(sidecar, first):
    number = next(numbers)
    answer = exchange(sidecar, first + raw_post(traces(number).SerializeToString(), close=True))
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 200" in answer
    wait_until(lambda: number in sidecar.span_ids())


def test_a_body_that_never_comes_is_given_up_and_the_connection_closed(sidecar):
    started = time.monotonic()
    answer = exchange(sidecar, raw_post(b"half", length=100))
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - started < 2.5
    assert sidecar.sidecar._admission.in_flight_bytes() == 0


def test_a_client_that_asks_first_may_send_its_body(sidecar):
    number = next(numbers)
    body = traces(number).SerializeToString()
    with sidecar.connect() as connection:
        head = raw_post(body, close=True)[: -len(body)].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(sidecar):
    with sidecar.connect() as connection:
        connection.sendall(raw_post(b"", length=1 << 40).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        connection.settimeout(5)
        answer = connection.recv(1000)
        while b"HTTP/1.1 413" not in answer:
            piece = connection.recv(1000)
            assert piece, answer
            answer += piece


def test_an_endless_chunked_body_is_refused_while_it_arrives(sidecar):
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with sidecar.connect() as connection:
        connection.sendall(raw_post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        connection.settimeout(10)
        stop = threading.Event()

        def pour():
            try:
                while not stop.is_set():
                    connection.sendall(piece)
            except OSError:
                stop.set()

        thread = threading.Thread(target=pour)
        thread.start()
        try:
            assert connection.recv(100).startswith(b"HTTP/1.1 413")
        finally:
            stop.set()
            with contextlib.suppress(OSError):  # closed by the sidecar already
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
    wait_until(lambda: sidecar.sidecar._admission.in_flight_bytes() == 0)


def test_a_connection_that_never_asks_is_closed(sidecar, monkeypatch):
    monkeypatch.setattr(http_server, "_HEAD_SECONDS_MAX", 0.2)
    with sidecar.connect() as connection:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: loc")
        connection.settimeout(5)
        assert connection.recv(100) == b""


def test_a_client_that_hangs_up_leaves_nothing_behind(sidecar):
    with sidecar.connect() as connection:
        connection.sendall(raw_post(b"half", length=100))
    wait_until(lambda: sidecar.sidecar._admission.in_flight_bytes() == 0)


# Retryable refusals.


def assert_retryable(response, http_status):
    assert response.status_code == http_status
    assert 1 <= int(response.headers["retry-after"]) <= 3
    status = status_of(response, PROTOBUF)
    info = RetryInfo()
    assert status.code == UNAVAILABLE
    assert status.details[0].Unpack(info)
    assert info.retry_delay.seconds >= 1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"journal_backlog_bytes_max": 1}, 503), ({"disk_free_bytes_min": 1 << 60}, 503)],
    ids=["backlog", "disk"],
)
def test_what_time_mends_is_refused_retryably(tmp_path, settings, expected):
    with (
        running(tmp_path, **settings) as started,
        httpx.Client(base_url=started.http, trust_env=False, timeout=30) as client,
    ):
        assert_retryable(post(client, traces(1).SerializeToString()), expected)
        assert started.span_ids() == []


def test_too_much_in_flight_is_429(tmp_path):
    with (
        running(tmp_path, in_flight_bytes_max=1) as started,
        httpx.Client(base_url=started.http, trust_env=False, timeout=30) as client,
    ):
        with started.connect() as slow:
            slow.sendall(raw_post(b"half", length=100))
            wait_until(lambda: started.sidecar._admission.in_flight_bytes() > 0)
            assert_retryable(post(client, traces(1).SerializeToString()), 429)
        wait_until(lambda: started.sidecar._admission.in_flight_bytes() == 0)
        assert post(client, traces(1).SerializeToString()).status_code == 200


def test_responses_decode_with_the_stubs_of_the_specification(client):
    assert ExportLogsServiceResponse.FromString(post(client, b"", path="/v1/logs").content) is not None
