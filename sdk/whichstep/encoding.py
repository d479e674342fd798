"""Spans and events as OTLP protobuf bodies: the one place that everything passes on its way out.

In order: encode, say what service and release it is, leave content out where it is switched off, redact. A span that
cannot be encoded costs itself only, never its batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.sdk.trace import ReadableSpan

from whichstep import attributes as names
from whichstep.redaction import Kind, Redactor
from whichstep.settings import Settings
from whichstep.values import plain

CONTENT_ATTRIBUTES: Final = (
    names.INPUT, names.OUTPUT, names.STEP_SUMMARY, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES,
    names.SYSTEM_INSTRUCTIONS, names.TOOL_DEFINITIONS, names.TOOL_ARGUMENTS, names.TOOL_RESULT, names.RETRIEVAL_QUERY,
    names.RETRIEVAL_DOCUMENTS, "input.value", "output.value", "llm.input_messages.", "llm.output_messages.",
    "llm.prompts.", "llm.choices.", "llm.prompt_template.variables", "retrieval.documents.", "reranker.", "embedding.",
    "tool.parameters", "gen_ai.prompt.", "gen_ai.completion.", "gen_ai.task.input", "gen_ai.task.output",
    "traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.", "exception.message",
    "exception.stacktrace", "langfuse.observation.input", "langfuse.observation.output", "mlflow.spanInputs",
    "mlflow.spanOutputs", "final_result", "pydantic_ai.all_messages", "ai.prompt", "ai.response.text",
    "ai.toolCall.args", "ai.toolCall.result", "tool_arguments", "tool_response", "gcp.vertex.agent.llm_re",
    "gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response", "gcp.vertex.agent.data",
    "model_request_parameters", "ag2.human_input.", "system_prompt",
)  # fmt: skip
"""Attributes that hold content, by prefix, of the conventions we know. Ours are thinned at the source already."""
CONTENT_NAMES: Final = frozenset({"input", "output", "prompt", "completion", "all_messages", "content", "message"})
"""Whole names that hold content; the last two on events of Strands."""
EVENT_NAME_FIELD: Final = "event_name"
"""A field that older OTLP lacks; the attribute `event.name` says the same and is always set."""
STRUCTURE_KEPT: Final = frozenset({names.OUTPUT_MESSAGES, names.INPUT_MESSAGES, names.RETRIEVAL_DOCUMENTS})
"""Our own spans carry these without content: roles, tool names, document ids and scores."""


class Body(NamedTuple):
    """One encoded request: `records` spans or events; `failed` could not be encoded."""

    data: bytes
    records: int
    failed: int


@dataclass(frozen=True, slots=True)
class Event:
    """One OTLP log record to be: a named event with attributes and perhaps a body, on a span or on none."""

    name: str
    attributes: Mapping[str, Any]
    time_unix_nano: int
    trace_id: int = 0
    span_id: int = 0
    resource: Mapping[str, Any] = field(default_factory=dict)
    scope: str = names.SCOPE
    body: Any = None


class Encoder:
    """Encodes batches by the settings given."""

    def __init__(self, settings: Settings, kinds: tuple[Kind, ...] | None, *, capture_content: bool) -> None:
        self._kinds = kinds
        self._capture_content = capture_content
        self._resource = {
            name: value
            for name, value in (
                ("service.name", settings.service),
                ("service.version", settings.release),
                ("deployment.environment.name", settings.environment),
            )
            if value is not None
        }

    def traces(self, spans: Sequence[ReadableSpan]) -> Body:
        """One traces request of all spans that can be encoded."""
        request, failed = _encode(spans)
        for group in request.resource_spans:
            self._describe(group.resource.attributes)
            if not self._capture_content:
                _leave_out_content(group)
        return Body(self._finish(request), len(spans) - failed, failed)

    def logs(self, events: Sequence[Event]) -> Body:
        """One logs request of the events."""
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: PLC0415
        from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_INFO  # noqa: PLC0415  most processes send none

        request, scopes = ExportLogsServiceRequest(), {}
        for event in events:
            place = (event.scope, tuple(sorted((name, str(value)) for name, value in event.resource.items())))
            if place not in scopes:
                group = request.resource_logs.add()
                group.resource.attributes.extend(_key_values(event.resource))
                self._describe(group.resource.attributes)
                scopes[place] = group.scope_logs.add()
                scopes[place].scope.name = event.scope
            record = scopes[place].log_records.add(severity_number=SEVERITY_NUMBER_INFO)
            self._fill(record, event)
        return Body(self._finish(request), len(events), 0)

    def _fill(self, record: Any, event: Event) -> None:
        record.time_unix_nano = record.observed_time_unix_nano = event.time_unix_nano
        if EVENT_NAME_FIELD in record.DESCRIPTOR.fields_by_name:
            record.event_name = event.name
        kept = event.attributes
        if event.scope != names.SCOPE and not self._capture_content:
            kept = {name: value for name, value in kept.items() if not _is_content(name)}
        elif event.body is not None:
            record.body.CopyFrom(_any_value(plain(event.body)))
        record.attributes.extend(_key_values(kept))
        if event.trace_id:
            record.trace_id = event.trace_id.to_bytes(16, "big")
        if event.span_id:
            record.span_id = event.span_id.to_bytes(8, "big")

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(self._kinds)

    def _describe(self, attributes: Any) -> None:
        """Set service, release and environment as configured, over what the provider's resource says."""
        for name, value in self._resource.items():
            found = next((pair for pair in attributes if pair.key == name), None) or attributes.add(key=name)
            found.value.string_value = value

    def _finish(self, request: Any) -> bytes:
        data: bytes = request.SerializeToString()
        if not self._redactor.may_hold_secrets(data):
            return data
        for message in _messages(request):
            self._redact(message)
        redacted: bytes = request.SerializeToString()
        return redacted

    def _redact(self, message: Any) -> None:
        """Redact the texts that a span, event, link, log record, resource or scope holds itself."""
        for pair in message.attributes:
            self._redact_value(pair.value)
        for name in ("name", "event_name"):
            text = getattr(message, name, "")
            if text and (redacted := self._redactor.text(text)) != text:
                setattr(message, name, redacted)
        if hasattr(message, "status") and message.status.message:
            message.status.message = self._redactor.text(message.status.message)
        if hasattr(message, "body"):
            self._redact_value(message.body)

    def _redact_value(self, value: AnyValue) -> None:
        held = value.WhichOneof("value")
        if held == "string_value":
            redacted = self._redactor.text(value.string_value)
            if redacted != value.string_value:
                value.string_value = redacted
        elif held == "int_value" and (mark := self._redactor.number(value.int_value)):
            value.string_value = mark
        elif held == "array_value":
            for item in value.array_value.values:
                self._redact_value(item)
        elif held == "kvlist_value":
            for pair in value.kvlist_value.values:
                self._redact_value(pair.value)


def _encode(spans: Sequence[ReadableSpan]) -> tuple[Any, int]:
    """The request of the spans, without those that cannot be encoded, and how many those are."""
    try:
        return encode_spans(spans), 0
    except Exception:  # noqa: BLE001  whatever a foreign span holds; it is found by encoding one by one
        good = [span for span in spans if _encodes(span)]
        return encode_spans(good), len(spans) - len(good)


def _encodes(span: ReadableSpan) -> bool:
    try:
        encode_spans([span]).SerializeToString()
    except Exception:  # noqa: BLE001  see _encode
        return False
    return True


def _messages(request: Any) -> Iterator[Any]:
    """Every part of a request that has attributes of its own."""
    for group in getattr(request, "resource_spans", ()):
        yield group.resource
        for scope in group.scope_spans:
            yield scope.scope
            for span in scope.spans:
                yield span
                yield from span.events
                yield from span.links
    for group in getattr(request, "resource_logs", ()):
        yield group.resource
        for scope in group.scope_logs:
            yield from scope.log_records


def _leave_out_content(group: Any) -> None:
    for scope in group.scope_spans:
        kept = STRUCTURE_KEPT if scope.scope.name == names.SCOPE else frozenset()
        for span in scope.spans:
            for part in (span, *span.events):
                pairs = [pair for pair in part.attributes if pair.key in kept or not _is_content(pair.key)]
                if len(pairs) != len(part.attributes):
                    del part.attributes[:]
                    part.attributes.extend(pairs)
            if span.status.message:
                span.status.message = ""


def _is_content(name: str) -> bool:
    return name.startswith(CONTENT_ATTRIBUTES) or name in CONTENT_NAMES


def _key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any_value(value)) for name, value in attributes.items()]


def _any_value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, Mapping):
        pairs = {str(name): item for name, item in value.items()}
        return AnyValue(kvlist_value=KeyValueList(values=_key_values(pairs)))
    if isinstance(value, (list, tuple)):
        return AnyValue(array_value=ArrayValue(values=[_any_value(item) for item in value]))
    return AnyValue() if value is None else AnyValue(string_value=str(value))
