import pytest
from google.protobuf.json_format import ParseDict
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from whichstep_collector.refusals import BUSY, REFUSALS, UNDECODABLE, Refused, retry_after_seconds
from whichstep_collector.replies import Reply, status_body, success_body

RETRYABLE_HTTP = {429, 502, 503, 504}
UNAVAILABLE = 14
RESOURCE_EXHAUSTED = 8


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.reason)
def test_a_client_repeats_exactly_what_the_table_calls_retryable_whatever_its_protocol(refusal):
    assert (refusal.http_status in RETRYABLE_HTTP) == refusal.retryable
    assert (refusal.grpc_code == UNAVAILABLE) == refusal.retryable


def test_reasons_are_unique():
    assert len({refusal.reason for refusal in REFUSALS}) == len(REFUSALS)


def test_waits_are_whole_seconds_short_enough_for_every_exporter_and_never_zero():
    waits = {retry_after_seconds(BUSY) for _ in range(200)}
    assert waits == {1, 2, 3}
    assert retry_after_seconds(UNDECODABLE) is None


@pytest.mark.parametrize("json", [False, True])
def test_a_refusal_is_a_status_with_its_wait_or_its_violation_in_either_encoding(json):
    import orjson

    def parsed(refused, wait):
        body = status_body(refused, wait, json=json)
        return ParseDict(orjson.loads(body), Status()) if json else Status.FromString(body)

    busy = parsed(Refused(BUSY), 2)
    info = RetryInfo()
    assert busy.code == UNAVAILABLE
    assert busy.details[0].Unpack(info)
    assert info.retry_delay.seconds == 2
    bad = parsed(Refused(UNDECODABLE, "span 3 has no name"), None)
    violation = BadRequest()
    assert bad.message.endswith("span 3 has no name")
    assert bad.details[0].Unpack(violation)


def test_messages_are_cut_at_a_thousand_bytes_between_characters():
    assert len(Refused(UNDECODABLE, "é" * 5000).message.encode()) in (999, 1000)


def test_a_clean_success_says_nothing():
    assert success_body("traces", Reply(), json=False) == b""
    assert success_body("traces", Reply(), json=True) == b"{}"


def test_a_partial_success_counts_and_explains():
    body = success_body("traces", Reply(3, "bad ids"), json=False)
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (partial.rejected_spans, partial.error_message) == (3, "bad ids")
    assert success_body("logs", Reply(2, "why"), json=True) == (
        b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"why"}}'
    )
