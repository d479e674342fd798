from pathlib import Path

import pytest

from whichstep.settings import LOOPBACK, load

ENDPOINTS = {
    "WHICHSTEP_ENDPOINT": "http://b:4318",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/custom/v1/traces",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://d:4318",
}


def test_the_endpoint_comes_from_the_argument_then_whichstep_then_otel_then_loopback():
    environ = dict(ENDPOINTS)
    assert load({"endpoint": "http://a:4318/"}, environ).traces_url == "http://a:4318/v1/traces"
    assert load({}, environ).traces_url == "http://b:4318/v1/traces"
    del environ["WHICHSTEP_ENDPOINT"]
    assert load({}, environ).traces_url == "http://c:4318/custom/v1/traces"
    del environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    assert load({}, environ).traces_url == "http://d:4318/v1/traces"
    assert load({}, {}).traces_url == f"{LOOPBACK}/v1/traces"


def test_logs_go_beside_the_traces():
    assert load({"endpoint": "http://a:1"}, {}).logs_url == "http://a:1/v1/logs"
    assert load({"endpoint": "http://a:1/v1/traces"}, {}).logs_url == "http://a:1/v1/logs"


def test_a_value_that_cannot_be_used_is_said_and_the_next_source_decides():
    settings = load({"endpoint": "ftp://x"}, {**ENDPOINTS, "WHICHSTEP_CAPTURE_CONTENT": "perhaps"})
    assert settings.traces_url == "http://b:4318/v1/traces"
    assert settings.capture_content is True
    assert any("argument endpoint" in problem for problem in settings.problems)
    assert any("WHICHSTEP_CAPTURE_CONTENT" in problem for problem in settings.problems)


def test_a_grpc_port_is_replaced_by_the_http_port_and_said():
    settings = load({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"})
    assert settings.traces_url == "http://localhost:4318/v1/traces"
    assert "gRPC" in settings.problems[0]


def test_headers_of_another_vendor_stay_with_the_other_vendors_endpoint():
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret%20one,b=2"}
    assert load({"endpoint": "http://a:1"}, headers).headers == ()
    with_endpoint = load({}, {**headers, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://d:1"})
    assert dict(with_endpoint.headers) == {"x-key": "secret one", "b": "2"}


def test_the_token_is_sent_as_bearer_and_never_shown():
    settings = load({"token": "wst_123"}, {})
    assert dict(settings.headers) == {"authorization": "Bearer wst_123"}
    assert "wst_123" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "captured"), [("off", False), ("0", False), ("false", False), ("on", True), ("1", True)]
)
def test_content_is_switched_by_the_environment(text, captured):
    assert load({}, {"WHICHSTEP_CAPTURE_CONTENT": text}).capture_content is captured


def test_an_argument_of_false_counts():
    assert load({"capture_content": False}, {"WHICHSTEP_CAPTURE_CONTENT": "on"}).capture_content is False


def test_service_disabled_and_sources_are_read():
    settings = load({}, {"OTEL_SDK_DISABLED": "TRUE", "OTEL_SERVICE_NAME": "agent", "HOME": "/srv/x"})
    assert settings.disabled
    assert settings.service == "agent"
    assert dict(settings.sources)["service"] == "OTEL_SERVICE_NAME"
    assert settings.spool_dir == Path("/srv/x/.cache/whichstep/spool")


def test_the_spool_can_be_switched_off():
    assert load({"spool_dir": "off"}, {}).spool_dir is None


def test_a_limit_of_opentelemetry_takes_the_place_of_ours():
    assert load({}, {}).span_attributes_max == 10_000
    assert load({}, {"OTEL_ATTRIBUTE_COUNT_LIMIT": "64"}).span_attributes_max is None
