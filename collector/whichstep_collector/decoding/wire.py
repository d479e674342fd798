"""OTLP messages for reading, with every attribute left as its own bytes.

The stock classes make three Python objects an attribute before a value is read, and one attribute nested deeper than
the parser's limit sinks the whole request. Here `attributes` are `repeated bytes`: the wire form is the same, equal
attributes of a request are decoded once (`attributes.py`), and a bad one costs its own span only. So are statuses,
which hardly differ. Field numbers are those of opentelemetry-proto; a test decodes both ways and compares.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE: Final = "whichstep.wire"

# message -> (field, number, type); a capital letter starts a message type, `*` means repeated
_MESSAGES: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "Status": (("message", 2, "string"), ("code", 3, "int32")),
    "Event": (
        ("time", 1, "fixed64"),
        ("name", 2, "string"),
        ("attributes", 3, "*bytes"),
        ("dropped_attributes", 4, "uint32"),
    ),
    "Link": (
        ("trace_id", 1, "bytes"),
        ("span_id", 2, "bytes"),
        ("trace_state", 3, "string"),
        ("attributes", 4, "*bytes"),
    ),
    "Span": (
        ("trace_id", 1, "bytes"),
        ("span_id", 2, "bytes"),
        ("trace_state", 3, "string"),
        ("parent_span_id", 4, "bytes"),
        ("name", 5, "string"),
        ("kind", 6, "int32"),
        ("start", 7, "fixed64"),
        ("end", 8, "fixed64"),
        ("attributes", 9, "*bytes"),
        ("dropped_attributes", 10, "uint32"),
        ("events", 11, "*Event"),
        ("dropped_events", 12, "uint32"),
        ("links", 13, "*Link"),
        ("dropped_links", 14, "uint32"),
        ("status", 15, "bytes"),
        ("flags", 16, "fixed32"),
    ),
    "LogRecord": (
        ("time", 1, "fixed64"),
        ("severity", 2, "int32"),
        ("severity_text", 3, "string"),
        ("body", 5, "bytes"),
        ("attributes", 6, "*bytes"),
        ("dropped_attributes", 7, "uint32"),
        ("flags", 8, "fixed32"),
        ("trace_id", 9, "bytes"),
        ("span_id", 10, "bytes"),
        ("observed_time", 11, "fixed64"),
        ("event_name", 12, "string"),
    ),
    "Scope": (("name", 1, "string"), ("version", 2, "string"), ("attributes", 3, "*bytes")),
    "Resource": (("attributes", 1, "*bytes"),),
    "ScopeSpans": (("scope", 1, "Scope"), ("items", 2, "*Span"), ("schema_url", 3, "string")),
    "ScopeLogs": (("scope", 1, "Scope"), ("items", 2, "*LogRecord"), ("schema_url", 3, "string")),
    "ResourceSpans": (("resource", 1, "Resource"), ("scopes", 2, "*ScopeSpans"), ("schema_url", 3, "string")),
    "ResourceLogs": (("resource", 1, "Resource"), ("scopes", 2, "*ScopeLogs"), ("schema_url", 3, "string")),
    "TraceRequest": (("resources", 1, "*ResourceSpans"),),
    "LogsRequest": (("resources", 1, "*ResourceLogs"),),
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="whichstep/wire.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            _add_field(message, field_name, number, kind)
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number)
    field.label = _Field.LABEL_REPEATED if kind.startswith("*") else _Field.LABEL_OPTIONAL
    kind = kind.lstrip("*")
    if kind[0].isupper():
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = _Field.Type.Value(f"TYPE_{kind.upper()}")


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


Status: Final = _class("Status")
TraceRequest: Final = _class("TraceRequest")
LogsRequest: Final = _class("LogsRequest")
