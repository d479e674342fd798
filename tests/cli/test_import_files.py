"""Reading recorded OTLP files: every form, one request at a time."""

import json

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from whichstep_cli.import_files import UnreadableError, requests
from whichstep_cli.otlp import JSON, LOGS, PROTOBUF, TRACES


def traces(spans=2):
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(spans):
        scope.spans.add(trace_id=bytes([1] * 16), span_id=bytes([number + 1] * 8), name="step")
    return request


def as_json(request):
    return json.dumps(MessageToDict(request))


def test_a_protobuf_file_is_one_request_of_traces(tmp_path):
    file = tmp_path / "001.traces.pb"
    file.write_bytes(traces().SerializeToString())
    assert [(item.path, item.content_type, item.items) for item in requests(file)] == [(TRACES, PROTOBUF, 2)]


def test_a_protobuf_file_named_logs_is_logs(tmp_path):
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(event_name="gen_ai.evaluation.result")
    file = tmp_path / "002.logs.pb"
    file.write_bytes(request.SerializeToString())
    assert [(item.path, item.items) for item in requests(file)] == [(LOGS, 1)]


def test_json_lines_are_a_request_a_line(tmp_path):
    file = tmp_path / "collector.json"
    file.write_text(as_json(traces(1)) + "\n" + as_json(traces(3)) + "\n\n")
    assert [(item.content_type, item.items) for item in requests(file)] == [(JSON, 1), (JSON, 3)]


def test_an_indented_json_document_is_one_request(tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(MessageToDict(traces(2)), indent=2))
    assert [item.items for item in requests(file)] == [2]


def test_a_last_line_that_was_cut_is_said_after_the_whole_ones_were_given(tmp_path):
    file = tmp_path / "cut.jsonl"
    file.write_text(as_json(traces(1)) + "\n" + as_json(traces(1))[:40])
    found = requests(file)
    assert next(found).items == 1
    with pytest.raises(UnreadableError, match="not JSON"):
        next(found)


@pytest.mark.parametrize("content", [b"\xff\xffnot otlp", b'{"some": "json"}', b"{"])
def test_a_file_without_otlp_is_unreadable(tmp_path, content):
    file = tmp_path / "odd.pb"
    file.write_bytes(content)
    with pytest.raises(UnreadableError):
        list(requests(file))
