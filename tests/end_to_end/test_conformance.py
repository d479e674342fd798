"""OTLP as a receiver has to take it: equal rows from every encoding, any bytes, any order, large and hostile batches."""

import gzip
import json
import random

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from running import JSON, PROTOBUF, running, traces, wait_until

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
RETRYABLE = {429, 502, 503, 504}


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with running(tmp_path_factory.mktemp("conformance"), journal_commit_interval_seconds=0.0) as started:
        yield started
        assert started.sidecar.stop()
        assert started.count("whichstep_batches_set_aside_total") == 0
        started.sidecar.stop = lambda: None


@pytest.fixture(scope="module")
def client(sidecar):
    with httpx.Client(base_url=sidecar.http, trust_env=False, timeout=60) as client:
        yield client


def post(client, body, content_type=PROTOBUF, path="/v1/traces", **headers):
    return client.post(path, content=body, headers={"content-type": content_type, **headers})


def rich_request(trace):
    """A request with every kind of value, events, links, parents and times that need all 64 bits."""
    request = traces(1, 2, 3, trace=trace, text="é\u0000\U0001f642", empty="")
    first, second, third = request.resource_spans[0].scope_spans[0].spans
    request.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = "support"
    second.parent_span_id = first.span_id
    second.kind, second.status.code, second.status.message = 3, 2, "it failed"
    for key, field, value in (("int", "int_value", -(2**63)), ("float", "double_value", 1.5), ("yes", "bool_value", True),
                              ("bytes", "bytes_value", b"\x00\xff")):  # fmt: skip
        setattr(second.attributes.add(key=key).value, field, value)
    listed = second.attributes.add(key="list").value.array_value
    listed.values.add().string_value = "a"
    listed.values.add().kvlist_value.values.add(key="b").value.int_value = 2**62
    third.events.add(name="exception", time_unix_nano=first.start_time_unix_nano + 1).attributes.add(
        key="exception.message"
    ).value.string_value = "boom"
    third.links.add(trace_id=b"\7" * 16, span_id=b"\7" * 8)
    return request


def as_json(request):
    """The OTLP/JSON form: as protobuf's, but ids are hex, enumerations numbers."""
    document = MessageToDict(request, use_integers_for_enums=True)
    spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    messages = request.resource_spans[0].scope_spans[0].spans
    for span, message in zip(spans, messages, strict=True):
        span["traceId"], span["spanId"] = message.trace_id.hex(), message.span_id.hex()
        if message.parent_span_id:
            span["parentSpanId"] = message.parent_span_id.hex()
        for link, sent in zip(span.get("links", []), message.links, strict=True):
            link["traceId"], link["spanId"] = sent.trace_id.hex(), sent.span_id.hex()
    return json.dumps(document).encode()


def rows(sidecar, trace):
    """All stored columns of a trace but those that tell one trace and one arrival from another."""
    query = f"select * from span_open where trace_id = '{trace.to_bytes(16, 'big').hex()}'::uuid order by span_id"
    stored = sidecar.store._database.read(query).to_pylist()
    for row in stored:
        for name in ("trace_id", "received_at", "digest"):
            row.pop(name, None)
    return stored


def replaced(body, at, piece):
    """The body with some bytes overwritten."""
    return body[:at] + piece + body[at + len(piece) :]


def test_every_encoding_and_both_protocols_store_equal_rows(sidecar, client):
    protobuf = {number: rich_request(number).SerializeToString() for number in (101, 102, 103)}
    assert post(client, protobuf[101]).status_code == 200
    assert post(client, gzip.compress(protobuf[102]), **{"content-encoding": "gzip"}).status_code == 200
    with grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as channel:
        channel.unary_unary(EXPORT)(protobuf[103], timeout=30)
    assert post(client, as_json(rich_request(104)), JSON).status_code == 200
    wait_until(lambda: all(len(rows(sidecar, trace)) == 3 for trace in range(101, 105)))
    assert rows(sidecar, 101) == rows(sidecar, 102) == rows(sidecar, 103) == rows(sidecar, 104)
    assert rows(sidecar, 101)[1]["service"] == "support"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_order_and_repetition_of_batches_change_nothing(sidecar, client, seed):
    source = random.Random(seed)
    trace = 1000 + seed
    batches = [traces(number, trace=trace, note=str(number)) for number in range(1, 9)]
    sent = batches * 2
    source.shuffle(sent)
    for request in sent:
        assert post(client, request.SerializeToString()).status_code == 200
    wait_until(lambda: sidecar.count("whichstep_journal_backlog_bytes") == 0)
    assert [row["span_id"] for row in rows(sidecar, trace)] == list(range(1, 9))


def test_a_large_batch_of_an_agent_passes(sidecar, client):
    request = traces(*range(1, 257), trace=2000)
    for number, span in enumerate(request.resource_spans[0].scope_spans[0].spans):
        span.attributes.add(key="gen_ai.prompt").value.string_value = f"word {number} and more " * 6_000
    body = request.SerializeToString()
    assert len(body) > 20 << 20
    assert post(client, body).status_code == 200
    assert post(client, gzip.compress(body, 1), **{"content-encoding": "gzip"}).status_code == 200
    wait_until(lambda: len(rows(sidecar, 2000)) == 256, 60)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"resourceSpans":' + b"[" * 10_000 + b"]" * 10_000 + b"}", id="nested arrays"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="nested objects"),
        pytest.param(b'{"resourceSpans":[{"scopeSpans":[{"spans":{"a":1}}]}]}', id="an object for a list"),
        pytest.param(b'{"resource_spans":[{}]}', id="snake case"),
        pytest.param(b"{}{}", id="two documents"),
        pytest.param(b'{"resourceSpans":[],}', id="trailing comma"),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
    ],
)
def test_hostile_json_is_400_and_nothing_else(client, body):
    assert post(client, body, JSON).status_code == 400


def test_a_deeply_nested_attribute_costs_its_span_at_most(sidecar, client):
    request = traces(1, 2, trace=3000)
    value = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="deep").value
    for _ in range(40):
        value = value.array_value.values.add()
    value.string_value = "bottom"
    assert post(client, request.SerializeToString()).status_code == 200
    wait_until(lambda: 2 in [row["span_id"] for row in rows(sidecar, 3000)])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.builds(
            replaced,
            st.sampled_from([rich_request(4000).SerializeToString(), as_json(rich_request(4000))]),
            st.integers(0, 2000),
            st.binary(min_size=1, max_size=4),
        ),
    ),
    content_type=st.sampled_from([PROTOBUF, JSON]),
    path=st.sampled_from(["/v1/traces", "/v1/logs"]),
    coding=st.sampled_from(["identity", "gzip", "deflate"]),
)
def test_no_bytes_make_it_fall_or_answer_as_if_time_mended_them(sidecar, client, body, content_type, path, coding):
    response = post(client, body, content_type, path, **{"content-encoding": coding})
    assert response.status_code in (200, 400)
    assert sidecar.sidecar._loader.trouble is None
