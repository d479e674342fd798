from __future__ import annotations

import contextlib

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from builders import (
    START,
    any_value,
    as_json,
    event,
    key_values,
    link,
    log,
    log_request,
    request,
    span,
    span_id,
    trace_id,
)
from whichstep_collector.decode import Undecodable, decode_logs, decode_traces
from whichstep_collector.received import ReceivedTraces


def traces(message) -> ReceivedTraces:
    return decode_traces(message.SerializeToString(), json=False)


def only_span(message):
    (found,) = traces(message).spans()
    return found


VALUES = [
    "", "text", "x" * 121, "x" * 122, "x" * 123, "x" * 124, "x" * 125, "x" * 126, "x" * 127, "x" * 128, "x" * 129, "é" * 64,
    "y" * 16370, "y" * 16377, "y" * 16378, "y" * 16384, "y" * 70000, "\0", 0, 1, 127, 128, 16383, 16384, 2**31, 2**63 - 1, -1, -(2**63),
    0.0, -0.5, 1e300, True, False, None, b"", b"\x00\xff", [], ["a", 1, None, [2.5]], {}, {"a": {"b": ["c"]}},
]  # fmt: skip


@pytest.mark.parametrize(
    "value", VALUES, ids=lambda value: f"{type(value).__name__}-{str(value)[:12]}-{len(str(value))}"
)
def test_every_attribute_value_survives_both_wire_forms(value):
    message = request(span(attributes={"key": value}))
    expected = _plain(value)
    assert only_span(message).attributes == {"key": expected}
    (from_json,) = decode_traces(as_json(message), json=True).spans()
    assert from_json.attributes == {"key": expected}
    assert type(from_json.attributes["key"]) is type(only_span(message).attributes["key"])


def _plain(value):
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def test_long_keys_and_odd_orders_are_read_by_the_stock_classes():
    key, name = "k" * 300, "value-first"
    message = request(span(attributes={key: "v"}))
    assert only_span(message).attributes == {key: "v"}
    # KeyValue with its value before its key, and lengths written in more bytes than needed: both legal
    backwards = b"\x12\x03\x0a\x01v\x0a" + bytes([len(name)]) + name.encode()
    padded = b"\x0a\x81\x00k\x12\x83\x00\x0a\x01v"
    body = _with_attributes(backwards, padded)
    (found,) = decode_traces(body, json=False).spans()
    assert found.attributes == {name: "v", "k": "v"}


def _with_attributes(*raw: bytes) -> bytes:
    def block(number: int, content: bytes) -> bytes:
        assert len(content) < 128
        return bytes([number << 3 | 2, len(content)]) + content

    attributes = b"".join(block(9, item) for item in raw)
    one = block(1, trace_id(1)) + block(2, span_id(1)) + attributes
    return block(1, block(2, block(2, one)))


def test_every_field_of_a_span_arrives():
    message = request(
        span(
            "name", parent=7, kind=3, status=2, message="failed",
            events=[event("happened", at=START + 5, a="b")], links=[link(9, 8, why="because")],
        )
    )  # fmt: skip
    sent = message.resource_spans[0].scope_spans[0].spans[0]
    sent.trace_state, sent.flags = "vendor=1", 0x301
    sent.dropped_attributes_count, sent.dropped_events_count, sent.dropped_links_count = 1, 2, 3
    for found in (only_span(message), next(decode_traces(as_json(message), json=True).spans())):
        assert (found.trace_id, found.span_id, found.parent_span_id) == (trace_id(1), 1, 7)
        assert (found.name, found.kind, found.start, found.end) == ("name", 3, START, START + 10**9)
        assert (found.status, found.status_message, found.trace_state, found.flags) == (2, "failed", "vendor=1", 0x301)
        assert (found.dropped_attributes, found.dropped_events, found.dropped_links) == (1, 2, 3)
        assert [(item.name, item.time, item.attributes) for item in found.events] == [
            ("happened", START + 5, {"a": "b"})
        ]
        assert [(item.trace_id, item.span_id, item.attributes) for item in found.links] == [
            (trace_id(9), span_id(8), {"why": "because"})
        ]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("trace_id", b"", "trace_id has 0 bytes, not 16"),
        ("trace_id", bytes(16), "trace_id is all zero"),
        ("trace_id", b"x" * 8, "trace_id has 8 bytes, not 16"),
        ("span_id", bytes(8), "span_id is all zero"),
        ("span_id", b"x" * 9, "span_id has 9 bytes, not 8"),
        ("parent_span_id", b"x" * 3, "parent_span_id has 3 bytes, not 8"),
    ],
)
def test_a_span_with_a_bad_id_is_rejected_alone_and_counted(field, value, reason):
    message = request(span(id=1), span(id=2), span(id=3))
    setattr(message.resource_spans[0].scope_spans[0].spans[1], field, value)
    for received in (traces(message), decode_traces(as_json(message), json=True)):
        assert [found.span_id for found in received.spans()] == [1, 3]
        assert (received.rejected, received.reasons) == (1, [reason])


def test_a_parent_of_zero_bytes_is_no_parent():
    message = request(span())
    message.resource_spans[0].scope_spans[0].spans[0].parent_span_id = bytes(8)
    assert only_span(message).parent_span_id is None


def test_logs_sent_to_the_traces_path_are_refused_with_a_hint():
    body = log_request(log("event", body="text")).SerializeToString()
    with pytest.raises(Undecodable, match="/v1/logs"):
        decode_traces(body, json=False)
    with pytest.raises(Undecodable, match="/v1/logs"):
        decode_traces(as_json(log_request(log("event"))), json=True)


def test_an_attribute_nested_too_deeply_costs_its_span_only():
    deep = "bottom"
    for _ in range(40):
        deep = [deep]
    message = request(span(id=1), span(id=2))
    message.resource_spans[0].scope_spans[0].spans[0].attributes.extend(key_values({"deep": deep}))
    received = decode_traces(message.SerializeToString(), json=False)
    assert ([found.span_id for found in received.spans()], received.rejected) == ([2], 1)
    received = decode_traces(as_json(message), json=True)
    assert ([found.span_id for found in received.spans()], received.rejected) == ([2], 1)


def test_an_attribute_too_deep_for_the_protobuf_parser_costs_its_span_only():
    def block(number: int, content: bytes) -> bytes:
        size = len(content)
        return bytes([number << 3 | 2, size & 0x7F | 0x80, size >> 7]) + content  # a length in two bytes

    value = b"\x0a\x01x"
    for _ in range(150):
        value = block(5, block(1, value))  # AnyValue.array_value, ArrayValue.values
    attribute = b"\x0a\x04deep" + block(2, value)
    bad = block(1, trace_id(1)) + block(2, span_id(1)) + block(9, attribute)
    good = block(1, trace_id(1)) + block(2, span_id(2))
    received = decode_traces(block(1, block(2, block(2, bad) + block(2, good))), json=False)
    assert ([found.span_id for found in received.spans()], received.rejected) == ([2], 1)


def test_invalid_utf8_in_an_attribute_costs_its_span_only():
    good, bad = b"\x0a\x01k\x12\x03\x0a\x01v", b"\x0a\x01k\x12\x03\x0a\x01\xff"
    assert traces(ExportTraceServiceRequest.FromString(_with_attributes(good))).rejected == 0
    received = decode_traces(_with_attributes(bad), json=False)
    assert (received.span_count, received.rejected) == (0, 1)
    assert "UTF-8" in received.reasons[0]


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\xff", b"hello", request(span()).SerializeToString()[:-3]])
def test_bytes_that_are_no_request_are_undecodable(body):
    with pytest.raises(Undecodable) as caught:
        decode_traces(body, json=False)
    assert caught.value.reason == "protobuf"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"resourceSpans":[]}', b'{"resourceSpans":null}', b'\xef\xbb\xbf{"x":1}']
)
def test_an_empty_request_has_no_spans(body):
    assert decode_traces(body, json=bool(body)).groups == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "json"),
        (b"", "json"),
        (b'{"a":1}\n{"b":2}', "json"),
        (b'{"resourceSpans":{}}', "json"),
        (b'{"resource_spans":[]}', "snake_case"),
        (b'{"resourceSpans":[{"scope_spans":[]}]}', "snake_case"),
        ('{"resourceSpans":[]}'.encode("utf-16"), "json"),
        (b'{"resourceLogs":[]}', "other_signal"),
        (b'{"resourceSpans":[{"resource":{"attributes":{"a":1}},"scopeSpans":[]}]}', "resource"),
    ],
)
def test_json_that_is_no_request_is_undecodable_with_a_reason(body, reason):
    with pytest.raises(Undecodable) as caught:
        decode_traces(body, json=True)
    assert caught.value.reason == reason


def json_span(**fields):
    base = {"traceId": trace_id(1).hex(), "spanId": span_id(1).hex()}
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**base, **fields}]}]}]})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"traceId": "ABCDEF" + "0" * 26}, {"trace_id": bytes.fromhex("abcdef" + "0" * 26)}),
        ({"kind": "SPAN_KIND_CLIENT"}, {"kind": 3}),
        ({"kind": "3"}, {"kind": 3}),
        ({"kind": 99}, {"kind": 99}),
        ({"kind": None, "status": None, "attributes": None, "parentSpanId": None}, {"kind": 0, "parent_span_id": None}),
        ({"parentSpanId": ""}, {"parent_span_id": None}),
        ({"startTimeUnixNano": "1700000000000000001"}, {"start": 1700000000000000001}),
        ({"startTimeUnixNano": 1700000000000000001}, {"start": 1700000000000000001}),
        ({"startTimeUnixNano": 1.7e18}, {"start": 1700000000000000000}),
        ({"status": {"code": "STATUS_CODE_ERROR", "message": "m"}}, {"status": 2, "status_message": "m"}),
        ({"junk": {"deep": [1]}, "name": "n"}, {"name": "n"}),
    ],
)
def test_json_senders_may_write_it_like_this(fields, expected):
    (found,) = decode_traces(json_span(**fields), json=True).spans()
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"traceId": "AAAAAAAAAAAAAAAAAAAAAQ=="},  # base64 of 16 bytes
        {"traceId": trace_id(1).hex()[:-1]},
        {"traceId": "zz" * 16},
        {"attributes": {"a": 1}},
        {"attributes": [{"key": "a", "value": "bare"}]},
        {"attributes": [{"key": "a", "value": {"intValue": "9223372036854775808"}}]},
        {"attributes": [{"key": "a", "value": {"intValue": "12x"}}]},
        {"startTimeUnixNano": {"low": 1, "high": 2}},
        {"startTimeUnixNano": -1},
        {"name": 7},
        {"events": "none"},
    ],
)
def test_json_spans_that_say_it_wrongly_are_rejected_alone(fields):
    received = decode_traces(json_span(**fields), json=True)
    assert (received.span_count, received.rejected, len(received.reasons)) == (0, 1, 1)


def test_lone_surrogates_become_the_replacement_character_and_pairs_stay():
    body = json_span(name="N").replace(b'"N"', rb'"a\ud800b \ud83d\ude00 \\ud800 c"')
    (found,) = decode_traces(body, json=True).spans()
    assert found.name == "a\ufffdb \U0001f600 \\ud800 c"


def test_values_without_a_number_stay_values_without_a_number():
    attributes = [{"key": "n", "value": {"doubleValue": "NaN"}}, {"key": "i", "value": {"doubleValue": "-Infinity"}}]
    (found,) = decode_traces(json_span(attributes=attributes), json=True).spans()
    assert found.attributes["n"] != found.attributes["n"]
    assert found.attributes["i"] == float("-inf")


def test_base64_is_read_in_both_alphabets_and_without_padding():
    attributes = [{"key": "b", "value": {"bytesValue": "-_8"}}]
    (found,) = decode_traces(json_span(attributes=attributes), json=True).spans()
    assert found.attributes["b"] == b"\xfb\xff"


def test_logs_may_lack_ids_and_both_forms_agree():
    message = log_request(
        log("gen_ai.choice", trace=1, id=2, body={"index": 0, "message": {"content": "x"}}, attributes={"a": 1}),
        log(body="text only"),
    )
    received = decode_logs(message.SerializeToString(), json=False)
    assert received == decode_logs(as_json(message), json=True)
    first, second = received.groups[0].logs
    assert (first.trace_id, first.span_id, first.body["message"]) == (trace_id(1), 2, {"content": "x"})
    assert (second.trace_id, second.span_id, second.body) == (None, None, "text only")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
ATTRIBUTE_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
ATTRIBUTES = st.dictionaries(TEXT, ATTRIBUTE_VALUES, max_size=6)
UNSIGNED = st.integers(0, 2**64 - 1)


@st.composite
def requests(draw):
    message = request(
        *[
            span(
                draw(TEXT), id=draw(st.integers(1, 2**64 - 1)), parent=draw(st.none() | st.integers(1, 2**64 - 1)),
                start=draw(UNSIGNED), end=draw(UNSIGNED), kind=draw(st.integers(0, 5)), status=draw(st.integers(0, 2)),
                message=draw(TEXT), events=[event(draw(TEXT), at=draw(UNSIGNED), e=draw(ATTRIBUTE_VALUES))],
                links=[link(3, a=draw(TEXT))], attributes=draw(ATTRIBUTES),
            )
            for _ in range(draw(st.integers(0, 3)))
        ],
        scope=draw(TEXT),
        resource=draw(ATTRIBUTES),
    )  # fmt: skip
    message.resource_spans[0].schema_url = draw(TEXT)
    message.resource_spans[0].scope_spans[0].scope.attributes.add(key="s", value=any_value(draw(ATTRIBUTE_VALUES)))
    return message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_protobuf_and_json_forms_decode_alike(message):
    assert traces(message) == decode_traces(as_json(message), json=True)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused(body):
    for json in (False, True):
        for decode in (decode_traces, decode_logs):
            with contextlib.suppress(Undecodable):
                decode(body, json=json)
