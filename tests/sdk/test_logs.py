"""What instrumentations put into OTLP logs leaves the process as what it was, within the settings."""

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from whichstep.encoding import Encoder, Event
from whichstep.settings import Settings


def sent(*events, **settings):
    encoder = Encoder(Settings(service="support"), None, **{"capture_content": True, **settings})
    body = encoder.logs(events)
    assert (body.records, body.failed) == (len(events), 0)
    return ExportLogsServiceRequest.FromString(body.data)


def message(**changes):
    values = {"scope": "agent_framework", "body": {"content": "hello"}, "resource": {"service.name": "app"}, **changes}
    return Event("gen_ai.user.message", {"gen_ai.system": "openai", "gen_ai.input.messages": "[]"}, 1, 2, 3, **values)


def test_scope_and_resource_of_each_record_stay_its_own():
    request = sent(message(), message(scope="semantic_kernel.x"), message(resource={"host.name": "b"}), message())
    groups = [(group.scope_logs[0].scope.name, len(group.scope_logs[0].log_records)) for group in request.resource_logs]
    assert groups == [("agent_framework", 2), ("semantic_kernel.x", 1), ("agent_framework", 1)]
    services = [
        pair.value.string_value
        for group in request.resource_logs
        for pair in group.resource.attributes
        if pair.key == "service.name"
    ]
    assert services == ["support"] * 3, "the service that was configured is over what a provider's resource says"


def test_without_content_body_and_messages_stay_behind_and_the_rest_goes():
    (group,) = sent(message(), capture_content=False).resource_logs
    (record,) = group.scope_logs[0].log_records
    assert not record.HasField("body")
    assert [pair.key for pair in record.attributes] == ["gen_ai.system"]
    assert record.span_id.hex() == "0000000000000003"


def test_a_body_of_any_shape_keeps_its_types():
    (group,) = sent(message(body={"n": [1, 2.5, True, None, "x", 2**70], 7: {"deep": object}})).resource_logs
    pairs = {pair.key: pair.value for pair in group.scope_logs[0].log_records[0].body.kvlist_value.values}
    assert [value.WhichOneof("value") for value in pairs["n"].array_value.values] == [
        "int_value", "double_value", "bool_value", None, "string_value", "string_value",
    ]  # fmt: skip
    assert pairs["7"].kvlist_value.values[0].value.string_value
