"""Recorded OTLP files: every form, one request at a time."""

import json

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from whichstep_cli.imports import otlp
from whichstep_cli.imports.formats import NotTakenError
from whichstep_cli.imports.reading import records
from whichstep_cli.otlp import JSON, LOGS, PROTOBUF, TRACES


def traces(spans=2):
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(spans):
        scope.spans.add(trace_id=bytes([1] * 16), span_id=bytes([number + 1] * 8), name="step")
    return request


def as_json(request):
    return json.dumps(MessageToDict(request))


def requests(file):
    with file.open("rb") as opened:
        for record in records(opened):
            assert otlp.recognises(record)
            yield from otlp.requests_of(record, logs=".logs." in file.name)


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


def test_an_indented_json_document_is_one_request_a_resource(tmp_path):
    request = traces(2)
    request.MergeFrom(traces(1))
    file = tmp_path / "request.json"
    file.write_text(json.dumps(MessageToDict(request), indent=2))
    assert [item.items for item in requests(file)] == [2, 1]
    assert json.loads(next(requests(file)).body)["resourceSpans"] == [MessageToDict(request)["resourceSpans"][0]]


def test_bytes_that_are_no_request_are_said(tmp_path):
    file = tmp_path / "odd.pb"
    file.write_bytes(b"\xff\xffnot otlp")
    with pytest.raises(NotTakenError, match="neither OTLP"):
        list(requests(file))
